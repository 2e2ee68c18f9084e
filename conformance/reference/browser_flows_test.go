package reference_test

import (
	"strings"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/reference"
	"countersign/conformance/ticket"
	"countersign/conformance/unified"
)

// button is the selector of a button by its name and value.
func button(name, value string) string { return `button[name="` + name + `"][value="` + value + `"]` }

var _ = Describe("The live pages of the other flows, in a browser without scripts", func() {
	served := func(flow conformance.Flow) (*tab, []string) {
		GinkgoHelper()
		origins := sites(reference.Live{Flow: flow})
		return newTab(), origins
	}

	It("let a person register once at the terminal and open two apps with that account", func() {
		t, origins := served(ticket.Flow())
		t.open(origins[0])
		t.shows("No ticket is kept here")
		t.fill("user_name", "alice")
		t.fill("password", "a password of alice")
		t.click(button("register", "lantern-video"))
		t.shows("Harbour at dawn", "showed the ticket to lantern-video", "A ticket is kept here")
		t.fill("user_name", "alice")
		t.fill("password", "a password of alice")
		t.click(button("open", "wren-microblog"))
		t.shows("The tomatoes are happy", "authenticated with the password, and kept a ticket for wren-microblog")
		t.fill("user_name", "alice")
		t.click(button("open", "lantern-video"))
		t.shows("Harbour at dawn", "showed the ticket to lantern-video, and got the resource") // with no password
		t.quiet()
	})

	It("let a person enrol a phone, change the rules under its app, and wipe it when it is lost", func() {
		t, origins := served(mobile.Flow())
		app, erp, office := origins[0], origins[3], origins[4]
		t.open(app)
		t.shows("no enrolment")
		t.fill("password", "alice-password")
		t.click(button("do", "enrol"))
		t.shows("an enrolment for alice")
		t.click(button("do", "start"))
		t.shows("The bakery asks", "version 1 as the newest of the rules")

		t.open(office)
		t.shows("Rules, version 1")
		shown := t.read(chromedp.Value(`[name="rules"]`))()
		moved := strings.Replace(shown, "\"appid\": \"field-sales\",\n      \"system_id\": \"crm\"", "\"appid\": \"field-sales\",\n      \"system_id\": \"erp\"", 1)
		Expect(moved).NotTo(Equal(shown))
		t.fill("rules", moved)
		t.click(button("do", "activate"))
		t.shows("Version 2 is in force", "Rules, version 2")

		t.open(app)
		t.click(button("do", "fresh"))
		t.shows("Twelve ovens on stock", erp+"/resource")

		t.open(office)
		t.fill("deviceid", "phone-of-alice")
		t.fill("username", "alice")
		t.fill("password", "alice-password")
		t.click(button("do", "deregister"))
		t.shows("phone-of-alice is deregistered")
		Eventually(func() string {
			t.open(app)
			return t.read(chromedp.Text("main"))()
		}, "5s").Should(And(ContainSubstring("no enrolment"), ContainSubstring("no access token"), Not(ContainSubstring("Twelve ovens"))))
		t.quiet()
	})

	It("let a person set a password, see what is asked for before signing, and approve at both levels", func() {
		t, origins := served(offline.Flow())
		t.open(origins[0])
		t.fill("account_password", "alice-account")
		Expect(chromedp.Do(t.ctx, chromedp.SetValue("#new_password", "sesame"))).To(Succeed())
		t.click(button("do", "set"))
		t.shows("The offline authorization password is set")

		t.fill("amount", "350")
		t.click(button("at", "till-1 ble"))
		t.shows("Is this right?", "till-1 asks for coffee: 350 in the smallest unit of EUR")
		Expect(t.read(chromedp.OuterHTML("main"))()).NotTo(ContainSubstring(`type="password"`), "level 1 asks for no password")
		t.click(button("do", "approve"))
		t.shows("the server has verified your countersign")

		t.fill("amount", "5000")
		t.click(button("at", "till-1 qr"))
		t.shows("Is this right?", "coffee: 5000", "Offline authorization password")
		t.fill("password", "sesame")
		t.click(button("do", "approve"))
		t.shows("the server has verified your countersign")

		t.open(origins[2])
		t.shows("Approved: coffee, 350", "Approved: coffee, 5000", "what the handset showed last")
		t.quiet()
	})

	It("let a person log in once, enter three sites, and leave all three by one logout", func() {
		t, origins := served(unified.Flow())
		portal, sites := origins[0]+"/portal", origins[1:]
		t.open(portal)
		t.fill("username", "alice")
		t.fill("password", "alice-at-the-platform")
		t.click(button("decision", "login"))
		names := []string{"Lantern Video", "Wren Microblog", "Moss Library"}
		t.shows(names...)
		for i, name := range names {
			t.open(portal)
			t.click(`a[href^="` + sites[i] + `"]`)
			t.shows(name, "You are logged in as alice")
			t.click(button("decision", "approve"))
			t.shows("You are logged in as Alice", "What you keep here")
		}
		t.quiet()

		t.open(origins[0] + "/logout")
		t.click(button("decision", "logout"))
		t.shows("You are not logged in at Platform")
		t.quiet()
		// The first is told in a batch after two seconds, the second at once; the third asks when its bound of 15 seconds has passed.
		for i, within := range []string{"5s", "5s", "17s"} {
			Eventually(func() string {
				t.open(sites[i] + "/home")
				return t.read(chromedp.Text("main"))()
			}, within, "250ms").ShouldNot(ContainSubstring("You are logged in as"), names[i])
		}
	})
})
