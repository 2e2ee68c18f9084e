package reference_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/mobile"
	"countersign/conformance/reference"
)

// submit sends a page's form as a browser on that page would, and gives the page that comes back.
func submit(page string, inputs ...string) string {
	GinkgoHelper()
	form := url.Values{}
	for i := 0; i < len(inputs); i += 2 {
		form.Set(inputs[i], inputs[i+1])
	}
	request, err := http.NewRequest(http.MethodPost, page+"/", strings.NewReader(form.Encode()))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", page)
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	return pageOf(response)
}

func look(page string) string {
	GinkgoHelper()
	response, err := http.Get(page + "/")
	Expect(err).NotTo(HaveOccurred())
	return pageOf(response)
}

func pageOf(response *http.Response) string {
	GinkgoHelper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return html.UnescapeString(string(text))
}

var _ = Describe("The mobile flow for people", func() {
	It("lets them open the app, change the rules under it, and wipe the device", func() {
		origins := sites(reference.Live{Flow: mobile.Flow()})
		app, crm, erp, office := origins[0], origins[2], origins[3], origins[4]
		Expect(submit(app, "do", "enrol", "password", "alice-password")).To(ContainSubstring("registered this device"))
		Expect(submit(app, "do", "start")).To(And(ContainSubstring("by version 1 of the rules"), ContainSubstring(crm+"/resource"), ContainSubstring("The bakery asks")))
		Expect(submit(office, "rotate", "crm")).To(ContainSubstring("sealed under the key"))
		Expect(submit(app, "do", "fresh")).To(ContainSubstring("The bakery asks"))

		shown := regexp.MustCompile(`(?s)<textarea[^>]*>(.*)</textarea>`).FindStringSubmatch(look(office))
		Expect(shown).NotTo(BeNil())
		moved := strings.Replace(shown[1], "\"appid\": \"field-sales\",\n      \"system_id\": \"crm\"", "\"appid\": \"field-sales\",\n      \"system_id\": \"erp\"", 1)
		Expect(moved).NotTo(Equal(shown[1]))
		Expect(submit(office, "do", "activate", "version", "1", "rules", "{")).To(And(ContainSubstring("the rules stay as they were"), ContainSubstring("Rules, version 1")))
		Expect(submit(office, "do", "activate", "version", "1", "rules", moved)).To(And(ContainSubstring("Version 2 is in force"), ContainSubstring("by office")))
		Expect(submit(office, "do", "activate", "version", "1", "rules", moved)).To(ContainSubstring("the rules stay as they were"))
		Expect(submit(app, "do", "fresh")).To(And(ContainSubstring("by version 2 of the rules"), ContainSubstring(erp+"/resource"), ContainSubstring("Twelve ovens")))

		Expect(submit(office, "do", "deregister", "deviceid", "phone-of-alice", "username", "alice", "password", "wrong")).To(ContainSubstring("the device was not deregistered"))
		Expect(submit(office, "do", "deregister", "deviceid", "phone-of-alice", "username", "alice", "password", "alice-password")).To(ContainSubstring("its wipe is pending"))
		Eventually(func() string { return look(app) }, "5s").Should(And(ContainSubstring("no enrolment"), ContainSubstring("no access token"), Not(ContainSubstring("Twelve ovens"))))
		Eventually(func() string {
			return submit(office, "do", "deregister", "deviceid", "phone-of-alice", "username", "alice", "password", "alice-password")
		}, "5s").Should(ContainSubstring("its wipe is acknowledged"))
	})
})
