package oauth1_test

import (
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/oauth1"
)

var _ = Describe("Credentials in an answer", func() {
	It("are written as in the examples of RFC 5849 sections 2.1 and 2.3", func() {
		Expect(oauth1.Credentials{Token: "hdk48Djdsa", Secret: "xyz4992k83j47x0b"}.EncodeTemporary()).
			To(Equal("oauth_token=hdk48Djdsa&oauth_token_secret=xyz4992k83j47x0b&oauth_callback_confirmed=true"))
		Expect(oauth1.Credentials{Token: "j49ddk933skd9dks", Secret: "ll399dj47dskfjdk"}.Encode()).
			To(Equal("oauth_token=j49ddk933skd9dks&oauth_token_secret=ll399dj47dskfjdk"))
	})

	It("keep further members in order", func() {
		c, err := oauth1.ParseTemporary("b=2&oauth_token=t&oauth_callback_confirmed=true&a=1&oauth_token_secret=s")
		Expect(err).NotTo(HaveOccurred())
		Expect(c).To(Equal(oauth1.Credentials{Token: "t", Secret: "s", Extra: []oauth1.Param{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}}}))
		Expect(c.Get("a")).To(Equal("1"))
		Expect(c.Get("c")).To(BeEmpty())
	})

	It("may have an empty secret, for RSA-SHA1 has no use for one", func() {
		Expect(oauth1.ParseCredentials("oauth_token=t&oauth_token_secret=")).To(Equal(oauth1.Credentials{Token: "t"}))
	})

	DescribeTable("are refused",
		func(body, code, parameter string) {
			_, err := oauth1.ParseTemporary(body)
			Expect(err).To(HaveProblem(0, code, parameter))
		},
		Entry("empty", "", oauth1.ParameterAbsent, "oauth_token"),
		Entry("without token", "oauth_token_secret=s&oauth_callback_confirmed=true", oauth1.ParameterAbsent, "oauth_token"),
		Entry("with an empty token", "oauth_token=&oauth_token_secret=s&oauth_callback_confirmed=true", oauth1.ParameterAbsent, "oauth_token"),
		Entry("without secret", "oauth_token=t&oauth_callback_confirmed=true", oauth1.ParameterAbsent, "oauth_token_secret"),
		Entry("with two tokens", "oauth_token=t&oauth_token_secret=s&oauth_token=u&oauth_callback_confirmed=true", oauth1.ParameterRejected, "oauth_token"),
		Entry("with a further member twice", "oauth_token=t&oauth_token_secret=s&x=1&x=1&oauth_callback_confirmed=true", oauth1.ParameterRejected, "x"),
		Entry("with an unconfirmed callback", "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=false", oauth1.ParameterRejected, "oauth_callback_confirmed"),
		Entry("without a word about the callback", "oauth_token=t&oauth_token_secret=s", oauth1.ParameterAbsent, "oauth_callback_confirmed"),
		Entry("with a malformed encoding", "oauth_token=%zz", oauth1.ParameterRejected, "oauth_token"),
		Entry("as JSON", `{"oauth_token":"t"}`, oauth1.ParameterAbsent, "oauth_token"),
	)
})

var _ = Describe("A problem", func() {
	DescribeTable("has the status that section 3.2 gives its kind",
		func(status int, codes ...string) {
			for _, code := range codes {
				Expect(oauth1.Refuse(code, "", "").Status).To(Equal(status), code)
			}
		},
		Entry("400 for an unsupported or absent parameter", http.StatusBadRequest,
			oauth1.VersionRejected, oauth1.ParameterAbsent, oauth1.ParameterRejected, oauth1.SignatureMethodRejected),
		Entry("401 for credentials, token, signature, timestamp and nonce", http.StatusUnauthorized,
			oauth1.TimestampRefused, oauth1.NonceUsed, oauth1.SignatureInvalid, oauth1.ConsumerKeyUnknown, oauth1.ConsumerKeyRejected,
			oauth1.ConsumerKeyRefused, oauth1.TokenUsed, oauth1.TokenExpired, oauth1.TokenRevoked, oauth1.TokenRejected, oauth1.AdditionalAuthorization),
		Entry("403 for a refusal by user or policy", http.StatusForbidden,
			oauth1.PermissionDenied, oauth1.PermissionUnknown, oauth1.UserRefused),
	)

	It("reads as a sentence", func() {
		Expect(oauth1.Refuse(oauth1.ParameterAbsent, "oauth_nonce", "send one")).To(MatchError("oauth1: parameter_absent: oauth_nonce: send one"))
		Expect(oauth1.Refuse(oauth1.TokenExpired, "", "")).To(MatchError("oauth1: token_expired"))
	})

	It("keeps a made-up parameter name short and out of the way of a log", func() {
		p := oauth1.Refuse(oauth1.ParameterRejected, "a\nb"+strings.Repeat("x", 1<<20), "")
		Expect(p.Error()).To(And(HavePrefix("oauth1: parameter_rejected: a%0Abx"), Not(ContainSubstring("\n"))))
		Expect(p.Challenge("Photos")).To(HaveLen(len(p.Challenge("")) + len(`realm="Photos", `)))
		Expect(len(p.Challenge(""))).To(BeNumerically("<", 200))
	})

	It("is written as the body and the challenge of an answer", func() {
		p := oauth1.Refuse(oauth1.ParameterAbsent, "oauth_nonce", "send one")
		Expect(p.Encode()).To(Equal("oauth_problem=parameter_absent&oauth_problem_advice=send%20one&oauth_parameters_absent=oauth_nonce"))
		Expect(p.Challenge("Photos")).To(Equal(`OAuth realm="Photos", oauth_problem="parameter_absent", oauth_problem_advice="send%20one", oauth_parameters_absent="oauth_nonce"`))
		Expect(oauth1.Refuse(oauth1.ParameterRejected, "a&b", "").Encode()).To(Equal("oauth_problem=parameter_rejected&oauth_parameters_rejected=a%2526b"))
		Expect(oauth1.Refuse(oauth1.TokenRevoked, "", "").Encode()).To(Equal("oauth_problem=token_revoked"))
	})
})
