package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"countersign/bench/redisserver"
	"countersign/bench/validate"
	"countersign/bench/validate/page"
	"countersign/conformance"
	"countersign/conformance/certify"
)

// Bench is the command bench.
func (p Program) Bench() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what the protocols cost",
		Args:  NoSuchCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.benchValidate(), p.benchLoad())
	return c
}

// benchmarks is one run of bench validate.
type benchmarks struct {
	Program
	validate.Options
	peers, redis, out string
	json, strict      bool
	profiles          profiling
}

// measured is the JSON document of bench validate.
type measured struct {
	Go     string           `json:"go"`
	OS     string           `json:"os"`
	CPUs   int              `json:"cpus"`
	Seed   uint64           `json:"seed"`
	Tables []validate.Table `json:"tables"`
}

func (p Program) benchValidate() *cobra.Command {
	b := benchmarks{Program: p}
	c := &cobra.Command{
		Use:   "validate",
		Short: "Measure what judging one request costs, beside the bare work and beside other libraries",
		Long: `Validate measures each validator of the actors beside the work that it cannot do without: in one run, in short slices in a shuffled order, so that
the ratios hold on a machine whose speed changes. The floor is there twice: how far its second row is from 1 is what the run cannot tell apart, and an aim is that it
be no more than 0.01.

The tables stand on standard error; bench-validate.json and a page with charts, bench-validate.html, in the folder --out, and with --json on standard output. With --peers, the program in that folder
(bench/peers of the sources, a module of its own) measures signed and sealed tokens with golang-jwt, jwx, go-jose and kataras/jwt in the same contests; that takes the
go command. The other groups are measured as ever.
Redis is measured where --redis names one, or redis-server is in the PATH. With --strict, an aim that is missed gives exit code 1.`,
		Example: `  countersign bench validate
  countersign bench validate --only sealed --json
  countersign bench validate --peers bench/peers
  countersign bench validate --only sealed --cpuprofile && go tool pprof -top out/cpu.pprof`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return b.run(c.Context()) },
	}
	f := c.Flags()
	f.StringSliceVar(&b.Only, "only", nil, "groups to measure: "+strings.Join(validate.Groups(), ", "))
	f.IntVar(&b.Tokens, "tokens", 1<<20, "live opaque tokens")
	f.IntVar(&b.Devices, "devices", 1<<14, "devices that sealed tokens are bound to")
	f.IntVar(&b.Rounds, "rounds", 0, "slices of each variant (default 600, fewer where a slice is long)")
	f.Uint64Var(&b.Seed, "seed", 1, "decides the order of the slices")
	f.StringVar(&b.peers, "peers", "", "folder of the program that measures other libraries too")
	f.StringVar(&b.redis, "redis", "", "host:port, or the path of the socket, of a Redis server to measure")
	f.StringVar(&b.out, "out", "out", "folder for bench-validate.json and profiles")
	f.BoolVar(&b.json, "json", false, "JSON on standard output")
	f.BoolVar(&b.strict, "strict", false, "exit code 1 when an aim is missed")
	b.profiles.flags(f)
	return c
}

func (b *benchmarks) run(ctx context.Context) error {
	for name, n := range map[string]int{"tokens": b.Tokens, "devices": b.Devices} {
		if n < 1 {
			return &certify.UsageError{Problem: fmt.Sprintf("--%s %d leaves nothing to measure; give 1 or more", name, n)}
		}
	}
	if b.Rounds < 0 {
		return &certify.UsageError{Problem: fmt.Sprintf("--rounds %d is less than none; give 1 or more", b.Rounds)}
	}
	if err := os.MkdirAll(b.out, 0o777); err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("the folder for what is measured cannot be made: %v; name another with --out", err)}
	}
	stop, err := b.profiles.start(b.out)
	if err != nil {
		return err
	}
	tables, err := b.tables(ctx)
	stop()
	var unknown *validate.UnknownGroupError
	if errors.As(err, &unknown) {
		return &certify.UsageError{Problem: unknown.Error()}
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(measured{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.GOMAXPROCS(0), b.Seed, tables}, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	file := filepath.Join(b.out, "bench-validate.json")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		return &certify.UsageError{Problem: fmt.Sprintf("what was measured cannot be written: %v; name another folder with --out", err)}
	}
	if b.json {
		if _, err := b.Out.Write(text); err != nil {
			return err
		}
	}
	chart, err := b.chart(tables)
	if err != nil {
		return err
	}
	fmt.Fprintln(b.Err, "wrote", file, "and", chart)
	if missed := validate.Missed(tables); b.strict && len(missed) > 0 {
		fmt.Fprintf(b.Err, "countersign: missed: %s\n", strings.Join(missed, "; "))
		return ExitCode(conformance.Nonconformant.ExitCode())
	}
	return nil
}

// chart writes the page, and returns its name.
func (b *benchmarks) chart(tables []validate.Table) (string, error) {
	var content bytes.Buffer
	if err := page.Write(&content, page.Report{Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0), Tables: tables}); err != nil {
		return "", err
	}
	file := filepath.Join(b.out, "bench-validate.html")
	if err := os.WriteFile(file, content.Bytes(), 0o666); err != nil {
		return "", &certify.UsageError{Problem: fmt.Sprintf("what was measured cannot be written: %v; name another folder with --out", err)}
	}
	return file, nil
}

func (b *benchmarks) tables(ctx context.Context) ([]validate.Table, error) {
	var theirs []validate.Table
	if b.peers != "" {
		peered, rest, err := validate.Divide(b.Only)
		if err != nil {
			return nil, err
		}
		if theirs, err = b.byPeers(ctx, peered); err != nil || len(rest) == 0 {
			return theirs, err
		}
		b.Only = rest
	}
	if len(b.Only) == 0 || slices.Contains(b.Only, "shared") {
		store, stop, err := validate.OpenRedis(ctx, b.redis)
		var silent *validate.RedisError
		switch {
		case errors.Is(err, redisserver.ErrNone):
			fmt.Fprintf(b.Err, "Redis is left out: %v\n\n", err)
		case errors.As(err, &silent):
			return nil, &certify.UsageError{Problem: fmt.Sprintf("--redis: %v", silent)}
		case err != nil:
			return nil, err
		default:
			defer stop()
			b.Redis = store
		}
	}
	var broken error
	tables, err := validate.Run(ctx, b.Options, func(t validate.Table) { broken = errors.Join(broken, t.Write(b.Err)) })
	return append(theirs, tables...), errors.Join(err, broken)
}

// byPeers lets the program of the peers measure these groups.
func (b *benchmarks) byPeers(ctx context.Context, groups []string) ([]validate.Table, error) {
	if len(groups) == 0 {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("--peers has nothing to measure: other libraries take part in %s; name one of them with --only, or leave out --peers", strings.Join(validate.Peered(), " and "))}
	}
	if _, err := os.Stat(filepath.Join(b.peers, "go.mod")); err != nil {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("%s is not the module that measures other libraries: %v; name the folder bench/peers of the sources", b.peers, err)}
	}
	args := []string{
		"run", "-C", b.peers, ".", "-only", strings.Join(groups, ","), "-seed", strconv.FormatUint(b.Seed, 10), "-rounds", strconv.Itoa(b.Rounds), "-devices", strconv.Itoa(b.Devices),
	}
	var out bytes.Buffer
	command := exec.CommandContext(ctx, "go", args...)
	command.Stdout, command.Stderr = &out, b.Err
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("the program that measures other libraries failed: %w", err)
	}
	var tables []validate.Table
	if err := json.Unmarshal(out.Bytes(), &tables); err != nil || len(tables) == 0 {
		return nil, fmt.Errorf("the program that measures other libraries gave no table: %w", err)
	}
	return tables, nil
}
