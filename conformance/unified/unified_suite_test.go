package unified

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

func TestUnified(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "Unified checks", suite, reporter)
}
