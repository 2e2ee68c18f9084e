package conformance_test

import (
	"net"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
)

var _ = It("a party answers the next who asks when thousands of others have just gone", func() {
	stage := &conformance.Stage{}
	origin, err := stage.Listen("site-a", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(stage.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 5 {
		var crowd sync.WaitGroup
		for range 100 {
			crowd.Go(func() {
				var gone []net.Conn
				for range 40 {
					c, err := net.Dial("tcp", strings.TrimPrefix(origin, "http://"))
					if err != nil {
						break
					}
					gone = append(gone, c)
				}
				for _, c := range gone {
					_ = c.Close()
				}
			})
		}
		crowd.Wait()
		resp, err := client.Get(origin + "/.well-known/countersign-harness")
		Expect(err).NotTo(HaveOccurred())
		Expect(resp.Body.Close()).To(Succeed())
		Expect(resp.StatusCode).To(Equal(http.StatusOK))
	}
})
