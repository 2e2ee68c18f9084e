package offline

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

func TestOffline(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "Offline checks", suite, reporter)
}
