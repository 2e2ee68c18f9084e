package cli

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"countersign/bench/load"
	"countersign/bench/load/job"
	"countersign/bench/load/play"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/reports"
	"countersign/reports/internal/plain"
)

// loading is one run of bench load.
type loading struct {
	Program
	job.Job
	file, flow, target, level string
	roles                     []string
	seed                      uint64
	start                     startFlags
	endpoint                  play.EndpointOptions

	rate                   float64
	ramp                   string
	stages                 []string
	max                    bool
	duration               time.Duration
	thresholds             []string
	baseline, metrics, out string
	json                   bool
	profiles               profiling

	recorder atomic.Pointer[load.Recorder] // of the run under way, for the metrics
}

// defaultDuration is how long a run is, and each step of a search, where nobody says.
const defaultDuration = 10 * time.Second

func (p Program) benchLoad() *cobra.Command {
	l := &loading{Program: p}
	c := &cobra.Command{
		Use:   "load",
		Short: "Put a whole flow, or one endpoint, under load and say what it holds",
		Long: `Load lets journeys through a flow begin at a rate, whatever became of the ones before (an open model): each goes through every leg, with every role that the
harness plays, and each answer is judged by the rules of the flow. Times count from when a journey was to begin, so that a stall is seen by all who were to meet it.

The target is any that check takes; without one, the built-in reference on loopback, in this process. Users and tokens are made before the run and taken away after it.
Written are load.html, load.json and load.hdr (the histograms of each second, in the log format of HdrHistogram).

A threshold is written as p99<50ms, token:p95<=20ms for a leg, errors<0.1%, dropped<1, late<100, rate>1900, or p99<1.1x for a multiple of the baseline's.
Without one about errors, each journey that goes wrong makes the run fail. Exit code 1: a threshold was not held, or an answer was wrong.`,
		Example: `  countersign bench load --flow ticket --rate 200
  countersign bench load --config countersign.yaml --ramp 10-500 --duration 1m --threshold 'p99<50ms'
  countersign bench load --config countersign.yaml --max --threshold 'p99<50ms'
  countersign bench load --exec './server --port {port}' --flow ticket --rate 100 --baseline before/load.json --threshold 'p99<1.1x'
  countersign bench load --flow mobile --role business-system --rate 300 --cpuprofile && go tool pprof -top out/cpu.pprof
  countersign bench load --endpoint http://127.0.0.1:9000/ --rate 2000 --expect-text hello`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := named(c, "config", "target", "endpoint", "baseline"); err != nil {
				return err
			}
			return l.command(c)
		},
	}
	f := c.Flags()
	f.StringVar(&l.file, "config", "", "countersign.yaml: target, roles, setup, and the section load")
	f.StringVar(&l.flow, "flow", "", "flow to play: "+strings.Join(job.Playable(), ", ")+" (default: that of the configuration or of the target)")
	f.StringVar(&l.target, "target", "", "base URL of the implementation under load")
	l.start.flags(c)
	f.StringSliceVar(&l.roles, "role", nil, "role under load, as account-server; repeatable (default: each that serves many; a client, as terminal, by its name only)")
	f.StringVar(&l.level, "level", "", "core or hardened (default hardened)")
	f.Uint64Var(&l.seed, "seed", 0, "seed of the reference (default 1)")
	f.Float64Var(&l.rate, "rate", 0, "journeys that begin in a second; with --max, the first rate that is tried")
	f.StringVar(&l.ramp, "ramp", "", "rate that goes evenly from one value to another, as 10-500")
	f.StringArrayVar(&l.stages, "stage", nil, "part of the run, as 100:30s or 100-500:1m; repeatable")
	f.BoolVar(&l.max, "max", false, "look for the highest rate at which the thresholds hold (default p99<100ms)")
	f.DurationVar(&l.duration, "duration", defaultDuration, "how long the run is; with --max, how long each rate is held")
	f.DurationVar(&l.WarmUp, "warm-up", 0, "for how long, at the beginning, journeys are judged and not measured")
	f.IntVar(&l.Connections, "connections", load.DefaultConnections, "journeys that may be under way, each on a connection of its own to every host")
	f.StringArrayVar(&l.thresholds, "threshold", nil, "what the run has to keep to, as 'p99<50ms'; repeatable")
	f.StringVar(&l.baseline, "baseline", "", "load.json of an earlier run to compare with")
	f.StringVar(&l.endpoint.URL, "endpoint", "", "one URL to put under load in place of a flow")
	f.StringVar(&l.endpoint.Method, "method", http.MethodGet, "with --endpoint: the method")
	f.StringArrayVar(&l.endpoint.Headers, "header", nil, "with --endpoint: a header line, as 'Accept: text/plain'; repeatable")
	f.StringVar(&l.endpoint.Body, "body", "", "with --endpoint: the body")
	f.IntVar(&l.endpoint.Status, "expect-status", http.StatusOK, "with --endpoint: the status that each answer has to have")
	f.StringVar(&l.endpoint.Text, "expect-text", "", "with --endpoint: a text that has to stand in each answer")
	f.IntVar(&l.PID, "pid", 0, "process of this machine whose CPU and memory are measured (default: the one that --exec starts)")
	f.StringVar(&l.Variables, "expvar", "", "URL at which the target serves the metrics of Go's run-time system, as http://127.0.0.1:9000/debug/vars")
	f.StringVar(&l.metrics, "metrics", "", "address at which Prometheus can read the run while it goes on, as 127.0.0.1:9464")
	f.StringVar(&l.out, "out", "out", "folder for load.html, load.json and load.hdr")
	f.BoolVar(&l.json, "json", false, "print the result as JSON on standard output")
	l.profiles.flags(f)
	c.AddCommand(p.benchLoadGrowth())
	return c
}

// command runs the job and ends with its exit code.
func (l *loading) command(c *cobra.Command) error {
	if err := l.configure(c); err != nil {
		return l.failed(err)
	}
	folder, err := reports.OpenFolder(l.out)
	if err != nil {
		return &certify.UsageError{Problem: err.Error()}
	}
	var log bytes.Buffer
	l.Log, l.OutputLog = &log, folder.Path("target.log")
	l.Warn = func(sentence string) { fmt.Fprintln(l.Err, sentence) }
	l.Progress = l.progress()
	l.Watch = func(r *load.Recorder) { l.recorder.Store(r) }
	if l.metrics != "" {
		close, err := l.serveMetrics()
		if err != nil {
			return err
		}
		defer close()
	}
	stop, err := l.profiles.start(l.out)
	if err != nil {
		return err
	}
	outcome, err := l.Job.Run(c.Context())
	stop()
	if err != nil {
		return l.failed(err)
	}
	return l.report(folder, outcome, log.Bytes())
}

// failed says an error in a sentence, with the exchange where there is one, and ends the program.
func (l *loading) failed(err error) error {
	fmt.Fprintln(l.Err, "countersign: "+plain.Line(err.Error()))
	return ExitCode(job.ExitCode(err))
}

// configure lets flags win over the file.
func (l *loading) configure(c *cobra.Command) error {
	changed := c.Flags().Changed
	l.Config = config.Default()
	if l.file != "" {
		var err error
		if l.Config, err = l.configured().Load(l.file); err != nil {
			return err
		}
	}
	if err := override(c, &l.Config, l.flow, l.target, l.level, l.roles, l.seed); err != nil {
		return err
	}
	if err := l.start.override(c, &l.Config); err != nil {
		return err
	}
	if l.endpoint.URL != "" {
		if l.Config.Target != "" || l.flow != "" {
			return &certify.UsageError{Problem: "--endpoint puts one URL under load, and --flow, --target or the configuration a whole flow: choose one"}
		}
		l.Endpoint = &l.endpoint
	} else {
		for _, name := range []string{"method", "header", "body", "expect-status", "expect-text"} {
			if changed(name) {
				return &certify.UsageError{Problem: "--" + name + " goes with --endpoint: name a URL there"}
			}
		}
	}
	written := l.Config.Load
	if !changed("warm-up") {
		l.WarmUp = written.WarmUp
	}
	if !changed("connections") && written.Connections > 0 {
		l.Connections = written.Connections
	}
	if l.Connections < 1 || l.Connections > 10_000 {
		return &certify.UsageError{Problem: fmt.Sprintf("%d connections cannot be had: write a number from 1 to 10000", l.Connections)}
	}
	if !changed("duration") && written.Duration > 0 {
		l.duration = written.Duration
	}
	texts := l.thresholds
	if len(texts) == 0 {
		texts = written.Thresholds
	}
	if len(texts) == 0 && l.max {
		texts = []string{"p99<100ms"}
	}
	for _, text := range texts {
		t, err := load.ParseThreshold(text)
		if err != nil {
			return err
		}
		l.Thresholds = append(l.Thresholds, t)
	}
	if l.baseline != "" {
		before, err := load.ReadResult(l.baseline)
		if err != nil {
			return err
		}
		l.Baseline = &before
	}
	return l.pace(written)
}

// pace reads at what rate journeys begin.
func (l *loading) pace(written config.LoadPlan) error {
	ways := 0
	for _, given := range []bool{l.ramp != "", len(l.stages) > 0, l.max, l.rate != 0 && !l.max} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return &certify.UsageError{Problem: "--rate, --ramp, --stage and --max each say at what rate journeys begin: choose one (--rate beside --max is the first rate that is tried)"}
	case l.max:
		l.Search = &load.Search{From: l.rate, Step: l.duration, WarmUp: l.WarmUp, Tried: l.tried}
		if l.Search.From == 0 {
			l.Search.From = written.Rate
		}
		return nil
	case l.ramp != "":
		stage, err := parseStage(l.ramp + ":" + l.duration.String())
		l.Pacer = load.Pacer{stage}
		return err
	case len(l.stages) > 0:
		for _, text := range l.stages {
			stage, err := parseStage(text)
			if err != nil {
				return err
			}
			l.Pacer = append(l.Pacer, stage)
		}
		return nil
	case l.rate != 0:
		l.Pacer = load.Constant(l.rate, l.duration)
	case len(written.Stages) > 0:
		for _, s := range written.Stages {
			from := s.To
			if s.From != nil {
				from = *s.From
			}
			l.Pacer = append(l.Pacer, load.Stage{From: from, To: s.To, Duration: s.Duration})
		}
	case written.Rate > 0:
		l.Pacer = load.Constant(written.Rate, l.duration)
	default:
		return &certify.UsageError{Problem: "say at what rate journeys begin: --rate 100, --ramp 10-500, --stage 100:30s, --max, or the section load of the configuration"}
	}
	return nil
}

// parseStage reads 100:30s or 100-500:1m.
func parseStage(text string) (load.Stage, error) {
	wrong := &certify.UsageError{Problem: fmt.Sprintf("%q is no part of a load: write it as 100:30s, or 100-500:1m for a rate that changes", text)}
	rates, duration, ok := strings.Cut(text, ":")
	d, err := time.ParseDuration(duration)
	if !ok || err != nil {
		return load.Stage{}, wrong
	}
	from, to, ramps := strings.Cut(rates, "-")
	s := load.Stage{Duration: d}
	if s.From, err = strconv.ParseFloat(from, 64); err != nil {
		return load.Stage{}, wrong
	}
	if s.To = s.From; ramps {
		if s.To, err = strconv.ParseFloat(to, 64); err != nil {
			return load.Stage{}, wrong
		}
	}
	return s, nil
}

// progress tells what came of each second: on one line of a screen, and every tenth on lines of a log.
func (l *loading) progress() func(load.Second) {
	screen, n := l.onTerminal(), 0
	return func(s load.Second) {
		line := fmt.Sprintf("%6.1f s  %d due  %d finished  %d bad  %d waiting  p50 %.2f  p95 %.2f  p99 %.2f  max %.2f ms", s.At, s.Due, s.Finished, s.Bad, s.Waiting, s.Times.P50, s.Times.P95, s.Times.P99, s.Times.Max)
		if n++; screen {
			fmt.Fprintf(l.Err, "\r\x1b[K%s", line)
		} else if n%10 == 0 {
			fmt.Fprintln(l.Err, line)
		}
	}
}

func (l *loading) tried(p load.Point) {
	held := "does not hold"
	if p.Held {
		held = "holds"
	}
	l.newLine()
	fmt.Fprintf(l.Err, "%.4g a second %s: %.4g reached, p50 %.2f  p95 %.2f  p99 %.2f  max %.2f ms, %d wrong, failed or dropped\n", p.Rate, held, p.Reached, p.Times.P50, p.Times.P95, p.Times.P99, p.Times.Max, p.Bad)
}

func (l *loading) newLine() {
	if l.onTerminal() {
		fmt.Fprint(l.Err, "\r\x1b[K")
	}
}

// serveMetrics lets Prometheus read the run under way.
func (l *loading) serveMetrics() (end func(), err error) {
	listener, err := net.Listen("tcp", l.metrics)
	if err != nil {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("metrics cannot be served at %s: %v; name a free address with --metrics", l.metrics, err)}
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if recorder := l.recorder.Load(); recorder != nil {
			_ = recorder.WriteMetrics(w) // to a connection that is gone there is nothing to say
		}
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	fmt.Fprintf(l.Err, "metrics at http://%s/metrics\n", listener.Addr())
	return func() { _ = server.Close() }, nil
}
