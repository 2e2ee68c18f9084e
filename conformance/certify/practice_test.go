package certify_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/doctor"
	"countersign/conformance/fixture"
	"countersign/conformance/flows"
	"countersign/conformance/practice"
	"countersign/conformance/reference"
)

// newcomer is a vendor who practises on one role of the reference.
type newcomer struct {
	flow   conformance.Flow
	role   catalog.Role
	folder string
	ca     *practice.Authority // nil over plain HTTP
}

// setup is the flow's with the harness at free addresses.
func (n newcomer) setup() string {
	GinkgoHelper()
	moved := n.flow.Setup()
	text, err := json.Marshal(moved)
	Expect(err).NotTo(HaveOccurred())
	said := string(text)
	for _, a := range moved.Addresses() {
		free := fixture.FreeOrigin()
		if n.ca != nil {
			free = strings.Replace(free, "http:", "https:", 1)
		}
		said = strings.ReplaceAll(said, *a.Origin, free)
	}
	return said
}

// serve runs the role until the spec ends, and gives its origin.
func (n newcomer) serve(setup string) string {
	GinkgoHelper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	live := reference.Live{
		Flow: n.flow, Level: catalog.Hardened, Role: n.role, Setup: n.flow.Setup(),
		Tell: func(string) {}, Ready: func(origins ...string) { ready <- origins[0] },
	}
	Expect(json.Unmarshal([]byte(setup), live.Setup)).To(Succeed())
	if n.ca != nil {
		server, err := n.ca.Server("127.0.0.1")
		Expect(err).NotTo(HaveOccurred())
		live.Server = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: n.ca.Pool()}
		live.Client = &tls.Config{RootCAs: n.ca.Pool()}
	}
	go func() { ended <- live.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended, "10s").Should(Receive(BeNil()))
	})
	var origin string
	Eventually(ready, "10s").Should(Receive(&origin))
	return origin
}

// begin does what init does, and gives the file's path.
func (n newcomer) begin(target, setup string) string {
	GinkgoHelper()
	var shown config.TLS
	var stage config.Stage
	client := http.DefaultClient
	if n.ca != nil {
		_, certificate, key, err := n.ca.Client()
		Expect(err).NotTo(HaveOccurred())
		shown, stage = config.TLS{CA: n.ca.CA(), Certificate: certificate, Key: key}, config.Stage{PracticeCA: n.folder}
		secure, err := shown.Client()
		Expect(err).NotTo(HaveOccurred())
		client = &http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}}
	}
	draft, err := config.Discover(context.Background(), client, target)
	Expect(err).NotTo(HaveOccurred())
	Expect(draft.Flow.Name).To(Equal(n.flow.Name))
	Expect(draft.Roles).To(ContainElement(n.role))
	draft.TLS, draft.Stage = shown, stage
	file, err := draft.Write(n.folder, false)
	Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(string(text)).To(HavePrefix("# yaml-language-server: $schema=" + config.SchemaName + "\n"))
	Expect(filepath.Join(n.folder, config.SchemaName)).To(BeARegularFile())
	Expect(os.WriteFile(file, append(text, "\nsetup: "+setup+"\n"...), 0o600)).To(Succeed())
	return file
}

// few are the names of two checks of the role.
func (n newcomer) few() []string {
	var names []string
	for _, c := range n.flow.Checks {
		if c.Role == n.role && len(names) < 2 {
			names = append(names, c.Name())
		}
	}
	return names
}

var _ = Describe("A newcomer who practises on the reference", func() {
	begins := func(flow conformance.Flow, role catalog.Role, overTLS bool) {
		n := newcomer{flow: flow, role: role, folder: GinkgoT().TempDir()}
		if overTLS {
			var err error
			n.ca, err = practice.Open(n.folder)
			Expect(err).NotTo(HaveOccurred())
		}
		setup := n.setup()
		file := n.begin(n.serve(setup), setup)
		Expect(doctor.File(context.Background(), config.Reader{}, file)).To(BeEmpty())
		c, err := config.Load(file)
		Expect(err).NotTo(HaveOccurred())
		report, err := certify.Job{Config: c, Only: n.few()}.Run(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Conclusion).To(Equal(conformance.Conformant), judged(report.Results))
		Expect(report.Counts.Pass).To(Equal(len(n.few())), judged(report.Results))
	}
	var entries []TableEntry
	for _, flow := range flows.All() {
		for _, sign := range flow.Signs {
			for _, role := range sign.Roles {
				for _, way := range []string{"http", "https"} {
					entries = append(entries, Entry(fmt.Sprintf("%s of %s over %s", role, flow.Name, way), flow, role, way == "https"))
				}
			}
		}
	}
	DescribeTable("comes from init over a doctor without findings to a conformant report: ", begins, entries)
})
