package container_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/container"
	"countersign/conformance/fixture"
	"countersign/conformance/flows"
	"countersign/conformance/launch"
)

// certified has the reference's role, in a container from nothing, judged by a configuration that both read.
func certified(flowName, role string, defect ...string) (conformance.Report, string) {
	GinkgoHelper()
	folder := fromScratch("countersign")
	flow, err := flows.Find(flowName)
	Expect(err).NotTo(HaveOccurred())
	setup := flow.Setup()
	var addresses strings.Builder
	for _, a := range setup.Addresses() {
		*a.Origin = fixture.FreeOrigin()
		fmt.Fprintln(&addresses, a.Party, *a.Origin)
	}
	job := certify.Job{Config: config.Default(), Log: filepath.Join(GinkgoT().TempDir(), "target.log")}
	job.Config.Profile, job.Config.Setup = flow.Profile, setup
	job.Config.Roles = []catalog.Role{catalog.Role(role)}
	job.Config.Target = config.StartedTarget
	job.Config.Start.Image = &config.Image{Build: folder, Command: config.Words{List: append([]string{"serve", flowName, "--role", role, "--config", "/countersign.yaml", "--port-a", "{port}"}, defect...)}}
	written(folder, flow.Profile, setup)
	if len(defect) > 0 {
		job.Only = defect[1:]
	}
	report, err := job.Run(context.Background())
	log, _ := os.ReadFile(job.Log)
	Expect(err).NotTo(HaveOccurred(), "%s", log)
	return report, string(log)
}

// written gives the image the configuration with what harness and target have agreed on.
func written(folder, profile string, setup conformance.Setup) {
	GinkgoHelper()
	text, err := asYAML(profile, setup)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(filepath.Join(folder, "countersign.yaml"), text, 0o644)).To(Succeed())
	file := filepath.Join(folder, "Dockerfile")
	dockerfile, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(os.WriteFile(file, append(dockerfile, "COPY countersign.yaml /countersign.yaml\n"...), 0o644)).To(Succeed())
}

func failures(r conformance.Report) string {
	var all []string
	for _, result := range r.Results {
		if result.Verdict != conformance.Pass {
			all = append(all, fmt.Sprintf("%s %s %s", result.Check, result.Verdict, result.Reason))
		}
	}
	return strings.Join(all, "\n")
}

var _ = Describe("The reference in a container built from nothing", func() {
	BeforeEach(needsEngine)

	DescribeTable("is conformant", func(flow, role string) {
		report, log := certified(flow, role)
		Expect(report.Conclusion).To(Equal(conformance.Conformant), failures(report))
		Expect(report.Counts.Pass).To(BeNumerically(">=", 10))
		Expect(log).To(And(ContainSubstring("FROM scratch"), ContainSubstring(role+" at "+report.Target)), "what the builder and the target have said is kept")
	},
		Entry("as an app server", "ticket", "app-server"),
		Entry("as a resource server", "bidirectional", "resource-server"),
	)

	It("is not, with a guard lifted", func() {
		report, _ := certified("bidirectional", "resource-server", "--defect", "BI-RS-05")
		Expect(report.Conclusion).To(Equal(conformance.Nonconformant))
	})
})

var _ = Describe("A container", func() {
	BeforeEach(needsEngine)

	// server is one that greets.
	server := func() container.Image {
		port, err := launch.FreePort()
		Expect(err).NotTo(HaveOccurred())
		return container.Image{
			Folder: fromScratch("countersign/conformance/container/testdata/server"), Environment: map[string]string{"GREETING": "good day"}, Port: 8080, Published: port,
		}
	}

	It("is met at a mapped port, keeps its output, and leaves nothing behind", func(ctx context.Context) {
		image, out := server(), &launch.Output{}
		c, err := image.Start(ctx, out)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Stop)
		door := launch.Door{URL: fmt.Sprintf("http://127.0.0.1:%d/", image.Published), Through: &http.Transport{DisableKeepAlives: true}}
		Expect(door.Await(ctx, c, out, 0)).To(Succeed())
		answer, err := http.Get(door.URL)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		Expect(io.ReadAll(answer.Body)).To(BeEquivalentTo("good day"))
		Expect(c.Known(ctx)).To(BeTrue())
		c.Stop()
		Expect(c.Ended()).To(BeClosed())
		Expect(c.Known(ctx)).To(BeFalse())
		Expect(out.Last().Text).To(ContainElement("greeting with good day"))
		c.Stop() // again
	})

	It("that ends by itself shows its last words", func(ctx context.Context) {
		image, out := server(), &launch.Output{}
		image.Folder, image.Command = fromScratch("countersign"), []string{"serve", "nothing"}
		c, err := image.Start(ctx, out)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Stop)
		err = launch.Door{URL: "http://127.0.0.1:1/"}.Await(ctx, c, out, 0)
		var ended *launch.EndedError
		Expect(errors.As(err, &ended)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(And(HavePrefix("the container ended with exit status 2 before it answered at http://127.0.0.1:1/; "), ContainSubstring("\n  countersign: "))))
		Expect(certify.ExitCode(err)).To(Equal(3))
	})

	It("that does not answer is given up", func(ctx context.Context) {
		out := &launch.Output{}
		c, err := server().Start(ctx, out)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Stop)
		err = launch.Door{URL: "http://127.0.0.1:1/"}.Await(ctx, c, out, 300*time.Millisecond)
		var silent *launch.SilentError
		Expect(errors.As(err, &silent)).To(BeTrue(), "%v", err)
		Expect(certify.ExitCode(err)).To(Equal(3))
	})

	It("cannot be started by a program that its image lacks", func(ctx context.Context) {
		folder := fromScratch("countersign/conformance/container/testdata/server")
		Expect(os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM scratch\nCOPY program /program\n"), 0o600)).To(Succeed())
		_, err := container.Image{Folder: folder, Command: []string{"/no/such/program"}}.Start(ctx, &launch.Output{})
		var start *container.StartError
		Expect(errors.As(err, &start)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring("correct `command`: the image holds no such program")))
		Expect(certify.ExitCode(err)).To(Equal(2))
	})

	It("cannot be had of an image that no registry gives, and does not take long to say so", func(ctx context.Context) {
		before := time.Now()
		_, err := container.Image{Name: "127.0.0.1:1/countersign/none:1"}.Start(ctx, &launch.Output{})
		var image *container.ImageError
		Expect(errors.As(err, &image)).To(BeTrue(), "%v", err)
		Expect(time.Since(before)).To(BeNumerically("<", 20*time.Second))
		Expect(err).To(MatchError(And(ContainSubstring("the image 127.0.0.1:1/countersign/none:1 cannot be had"), ContainSubstring("docker login"))))
		Expect(certify.ExitCode(err)).To(Equal(3))
	})

	It("cannot be had of a name that is none", func(ctx context.Context) {
		_, err := container.Image{Name: "No Image"}.Start(ctx, &launch.Output{})
		Expect(err).To(MatchError(HavePrefix(`"No Image" is no name of an image`)))
		Expect(certify.ExitCode(err)).To(Equal(2))
	})

	It("cannot be had of an image that cannot be built, and the builder's last words are shown", func(ctx context.Context) {
		_, err := container.Image{Folder: "testdata/broken"}.Start(ctx, &launch.Output{})
		var image *container.ImageError
		Expect(errors.As(err, &image)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(And(ContainSubstring("not-there"), ContainSubstring("mend its Dockerfile"), ContainSubstring("COPY not-there /not-there"))))
		Expect(certify.ExitCode(err)).To(Equal(3))
	})

	It("is not started once the run is stopped", func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		_, err := server().Start(ctx, &launch.Output{})
		Expect(err).To(MatchError(context.Canceled))
	})
})

var _ = DescribeTable("A folder without what makes an image is refused before any engine is asked", func(folder, dockerfile, want string) {
	_, err := container.Image{Folder: folder, Dockerfile: dockerfile}.Start(context.Background(), &launch.Output{})
	var wrong *container.FolderError
	Expect(errors.As(err, &wrong)).To(BeTrue(), "%v", err)
	Expect(err).To(MatchError(want))
	Expect(certify.ExitCode(err)).To(Equal(2))
},
	Entry("no folder", "testdata/none", "", "no image can be built from testdata/none: there is no such folder; name the folder that holds the Dockerfile"),
	Entry("no Dockerfile", "testdata/server", "", "no image can be built from testdata/server: there is no Dockerfile in it; write one, or name it with `dockerfile` in the configuration"),
	Entry("another Dockerfile", "testdata/broken", "other", "no image can be built from testdata/broken: there is no other in it; write one, or name it with `dockerfile` in the configuration"),
)

// asYAML is a configuration: JSON is YAML.
func asYAML(profile string, setup conformance.Setup) ([]byte, error) {
	return json.Marshal(map[string]any{"profile": profile, "setup": setup})
}
