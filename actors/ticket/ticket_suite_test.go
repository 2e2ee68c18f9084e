package ticket_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestTicket(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "One account that opens many apps", suite, reporter)
}
