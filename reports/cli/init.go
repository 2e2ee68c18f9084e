package cli

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/flows"
)

// Init is the command init.
func (p Program) Init() *cobra.Command {
	var (
		draft               config.Draft
		flow, level, folder string
		roles               []string
		force               bool
	)
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a countersign.yaml to begin with",
		Long:  "Init writes a commented countersign.yaml, and its schema beside it, from the target's own metadata document, or from flags alone where --flow is given.",
		Example: `  countersign init --target http://127.0.0.1:9000
  countersign init --target https://accounts.example --flow ticket --role account-server`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			target := draft.Target
			if flow == "" {
				if target == "" {
					return &certify.UsageError{Problem: "name a --target, whose metadata say what it is, or a --flow"}
				}
				client := &http.Client{Timeout: 5 * time.Second}
				if draft, err = config.Discover(c.Context(), client, target, flows.All()...); err != nil {
					return &certify.UsageError{Problem: err.Error()}
				}
			} else if draft.Flow, err = flows.Find(flow); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			if draft.Level, err = catalog.ParseLevel(level); err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			for _, r := range roles {
				draft.Roles = append(draft.Roles, catalog.Role(r))
			}
			path, err := draft.Write(folder, force)
			if err != nil {
				return &certify.UsageError{Problem: err.Error()}
			}
			fmt.Fprintf(p.Err, "%s is written. Fill it in, and then: countersign doctor --config %s\n", path, path)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&draft.Target, "target", "", "base URL of the implementation under test")
	f.StringVar(&flow, "flow", "", "flow, or profile (default: what the target's metadata say)")
	f.StringSliceVar(&roles, "role", nil, "role under test; repeatable (default: those that the target serves)")
	f.StringVar(&level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&folder, "out", ".", "folder for the file")
	f.BoolVar(&force, "force", false, "write over a file that is there")
	return c
}
