// Package evidence makes a report provable: an in-toto test-result statement of what was run, against what, with what outcome, signed as a DSSE
// envelope (Ed25519), and the transcript that the statement's digests pin down. Verification needs the envelope, the public key and, for each file to be
// compared, the file; it asks nobody.
//
// Statement: github.com/in-toto/attestation, spec/v1 and spec/predicates/test-result.md. Envelope: github.com/secure-systems-lab/dsse, envelope.md and
// protocol.md.
package evidence
