package worldlint_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestWorldlint(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "worldlint")
}
