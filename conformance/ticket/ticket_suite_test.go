package ticket

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

func TestTicket(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "Ticket checks", suite, reporter)
}
