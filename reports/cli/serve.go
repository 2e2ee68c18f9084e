package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
)

// flowNames are the flows that can be named.
func flowNames() []string {
	var names []string
	for _, f := range flows.All() {
		names = append(names, f.Name)
	}
	return names
}

// Serve is the command serve.
func (p Program) Serve() *cobra.Command {
	var (
		live        reference.Live
		level, file string
		secure      serveTLS
	)
	c := &cobra.Command{
		Use:   "serve FLOW",
		Short: "Run the reference for a browser, or one role of it for practice",
		Long: `Serve runs a flow on loopback ports for a person with a browser: bidirectional as a video site and a microblog that authorize each other,
ticket as a terminal with an account server and two apps, mobile as an app with an authorization server and two business systems, offline as a
handset with a till and a service server, unified as a platform with three third-party platforms. With --role it runs that role alone, with
the values of section 8 of the profile, as a target to practise check --target on.

With --tls all of it is served over https, with certificates of a CA made for practice, which lie in --tls-folder with their keys, readable by you alone.
What to write into countersign.yaml is shown; a browser has to be told to trust ca.pem of that folder.`,
		Example: `  countersign serve bidirectional
  countersign serve bidirectional --defect BI-OS-27
  countersign serve bidirectional --role oauth-server --port-a 9000
  countersign serve ticket --role account-server --tls --client-certificate required
  countersign serve unified --state .   # what the platform must not lose survives, also a kill`,
		Args:      exactly("FLOW"),
		ValidArgs: flowNames(),
		RunE: func(c *cobra.Command, args []string) error {
			if err := named(c, "config"); err != nil {
				return err
			}
			flow, err := flows.Find(args[0])
			if err != nil {
				return err
			}
			l, err := catalog.ParseLevel(level)
			if err != nil {
				return usage(err)
			}
			live.Flow, live.Level = flow, l
			if file != "" {
				c, err := p.configured().Load(file)
				if err != nil {
					return err
				}
				if c.Profile != flow.Profile {
					return &certify.UsageError{Problem: fmt.Sprintf("%s is for the profile %s and not %s: name the flow that it is for", file, c.Profile, flow.Profile)}
				}
				live.Setup = c.Setup
			}
			live.Tell = func(line string) { fmt.Fprintln(p.Err, line) }
			if err := secure.arrange(&live); err != nil {
				return err
			}
			return live.Serve(c.Context())
		},
	}
	f := c.Flags()
	f.IntVar(&live.PortA, "port-a", 8801, "loopback port of the party to open in a browser, or of the role; 0 takes a free one")
	f.IntVar(&live.PortB, "port-b", 8802, "loopback port of the second party; 0 takes a free one")
	f.StringVar(&live.State, "state", "", "folder for what the role, or the platform of unified, must not lose, also when it is killed")
	f.StringVar(&file, "config", "", "countersign.yaml whose values the role takes (with --role)")
	f.StringVar((*string)(&live.Role), "role", "", "run one role of the flow alone")
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&live.Defect, "defect", "", "lift this guard (see `list defects`)")
	secure.flags(f)
	return c
}
