package reference

import (
	"fmt"
	"slices"
	"strings"

	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/offline"
	"countersign/conformance/vectors"
)

// WorkedExamples are the sections of profiles that show messages in full, by the name of their flow: Markdown, made from the vectors.
func WorkedExamples() (map[string]string, error) {
	signed, err := signedRequests()
	if err != nil {
		return nil, err
	}
	return map[string]string{"bidirectional": signed, "offline": offlineMessages(offline.Examples())}, nil
}

// signedRequests are rightly signed requests of the bidirectional flow.
func signedRequests() (string, error) {
	var text strings.Builder
	for _, example := range []struct {
		role  catalog.Role
		check catalog.ID
		title string
	}{
		{catalog.OAuthServer, "BI-OS-02", "A temporary credential request (4.1)"},
		{catalog.ResourceServer, "BI-RS-01", "A hand-over (4.4), and the resource request that it makes possible (5.2)"},
		{catalog.ClientReceiving, "BI-CL-21", "A delegation (6.3)"},
	} {
		made, err := MakeVectors(bidirectional.Flow(), example.role)
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(made.Vectors, func(v Vector) bool { return v.Requirement == example.check })
		if i < 0 {
			return "", fmt.Errorf("no vector of %s is left to show", example.check)
		}
		fmt.Fprintf(&text, "### %s\n\n", example.title)
		for _, s := range made.Vectors[i].Steps {
			if s.Signing == nil || s.Expect.Status >= 400 {
				continue
			}
			s.show(&text)
		}
	}
	return strings.TrimSpace(text.String()) + "\n", nil
}

func (s Step) show(text *strings.Builder) {
	fmt.Fprintf(text, "At %d. Key `%s`, base string\n\n    %s\n\n", s.At, s.Signing.Key, s.Signing.BaseString)
	fmt.Fprintf(text, "    %s %s\n", s.Request.Method, s.Request.URL)
	for _, h := range s.Request.Headers {
		fmt.Fprintf(text, "    %s: %s\n", h.Name, h.Value)
	}
	if s.Request.Body != "" {
		fmt.Fprintf(text, "\n    %s\n", s.Request.Body)
	}
	if s.Expect.Receipt == "" {
		fmt.Fprintf(text, "\nAnswered with %d.\n\n", s.Expect.Status)
		return
	}
	fmt.Fprintf(text, "\nAnswered with %d and\n\n    %s: %s\n\n", s.Expect.Status, headerReceipt, s.Expect.Receipt)
}

// offlineMessages are messages of the offline flow and what they are made of.
func offlineMessages(all []vectors.Message) string {
	var text strings.Builder
	for _, example := range []struct {
		id, title string
		parts     []string
	}{
		{"application", "An application (2.1)", []string{"diagnostic notation"}},
		{"frame-1", "Its first frame (4.1)", []string{"checksum"}},
		{"picture", "The same frame as the text of a QR code (4.4)", nil},
		{"information", "Information at level 1 (2.2)", []string{"diagnostic notation", "protected header", "Sig_structure", "public key of server-1", "signature"}},
		{"countersign-dear", "A countersign at level 2 (2.3)", []string{
			"password", "salt", "password key", "bound bytes", "proof", "ephemeral private key", "sealed_proof", "Sig_structure", "public key of handset-1", "signature",
		}},
		{"result", "A result (2.2)", []string{"diagnostic notation", "signature"}},
	} {
		m := all[slices.IndexFunc(all, func(m vectors.Message) bool { return m.ID == example.id })]
		fmt.Fprintf(&text, "### %s\n\n%s.\n\n%s", example.title, strings.ToUpper(m.Title[:1])+m.Title[1:], block(m.Hex, m.Text))
		for _, p := range m.MadeOf {
			if slices.Contains(example.parts, p.Name) {
				fmt.Fprintf(&text, "%s\n\n%s", p.Name, block(p.Hex, p.Text))
			}
		}
	}
	return strings.TrimSpace(text.String()) + "\n"
}

// block is a value as a block of Markdown; bytes in lines of 48.
func block(hex, text string) string {
	const line = 96
	var lines strings.Builder
	for part := range slices.Chunk([]byte(hex), line) {
		fmt.Fprintf(&lines, "    %s\n", part)
	}
	if text != "" {
		fmt.Fprintf(&lines, "    %s\n", text)
	}
	return lines.String() + "\n"
}
