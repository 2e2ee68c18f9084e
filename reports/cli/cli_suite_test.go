package cli_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestCommands(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Commands", suite, reporter)
}
