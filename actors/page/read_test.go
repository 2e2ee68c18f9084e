package page_test

import (
	"net/url"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/page"
)

var _ = Describe("Reading a page", func() {
	const source = `<!doctype html><title>Site A &amp; B</title><style>p { color: red }</style>
<h1>Approve?</h1><p>This lets <b>client</b>-c read <em>all</em> of it.<br>No  script.</p><script>var hidden = "<p>no</p>"</script>
<form method="post" action="/decide?x=1&amp;y=2"><input type="hidden" name="flow" value="&lt;7&gt;"><input name="username">
<input type=PASSWORD name=password><input value="nameless"><button name="decision" value="approve">Approve</button><input type="submit" name="decision" value="deny"></form>
<input name="outside"><form action="/other"></form><p><a href="/home">Go <b>home</b></a><a>nowhere</a></p>`
	read := page.Read(source)

	It("gives the text that is shown, without markup, style and script", func() {
		Expect(read.Text).To(Equal("Site A & B Approve? This lets client-c read all of it. No script. Approve Go homenowhere"))
	})

	It("gives the forms with their fields, in their order", func() {
		Expect(read.Forms).To(HaveLen(2))
		form := read.Forms[0]
		Expect(form.Method).To(Equal("POST"))
		Expect(form.Action).To(Equal("/decide?x=1&y=2"))
		Expect(form.Fields).To(Equal([]page.Field{
			{Name: "flow", Value: "<7>", Type: "hidden"}, {Name: "username", Type: "text"}, {Name: "password", Type: "password"},
			{Name: "decision", Value: "approve", Type: "submit"}, {Name: "decision", Value: "deny", Type: "submit"},
		}))
		Expect(form.Asks("password")).To(BeTrue())
		Expect(form.Values()).To(Equal(url.Values{"flow": {"<7>"}, "username": {""}, "password": {""}}))
		Expect(read.Forms[1].Method).To(Equal("GET"))
		Expect(read.Forms[1].Asks("password")).To(BeFalse())
	})

	It("gives the links that lead somewhere", func() {
		Expect(read.Links).To(Equal([]page.Link{{Reference: "/home", Text: "Go home"}}))
	})

	DescribeTable("bears what is no page", func(source string) {
		Expect(func() { page.Read(source) }).NotTo(Panic())
	},
		Entry("nothing", ""), Entry("an open tag", "<form action="), Entry("ends that nothing began", "</form></a></style>text"),
		Entry("bytes", "\x00\xff<\xfe>"), Entry("an attribute twice", `<form action="a" action="b">`))
})
