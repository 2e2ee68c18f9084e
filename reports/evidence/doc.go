// Package evidence makes a report provable: an in-toto test-result statement of what was run, against what, with what outcome, signed as a DSSE
// envelope (Ed25519). Its digests pin down the report, the transcript (a recording of package replay, from which the run can be judged again), the program,
// and the profiles and catalogues that it judged by. Verification needs the envelope, the public key and, for each file to be compared, the file; it asks
// nobody.
//
// Statement: github.com/in-toto/attestation, spec/v1 and spec/predicates/test-result.md. Envelope: github.com/secure-systems-lab/dsse, envelope.md and
// protocol.md.
package evidence
