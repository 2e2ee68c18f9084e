package judge_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
)

func TestJudge(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "What checks judge by", suite, reporter)
}
