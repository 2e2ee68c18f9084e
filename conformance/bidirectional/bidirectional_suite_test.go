package bidirectional

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

func TestBidirectional(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "Bidirectional checks", suite, reporter)
}
