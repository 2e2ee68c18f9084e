// Peers measures other libraries in the contests of `bench validate`. It is a module of its own, so that nobody who uses Countersign downloads them.
// Tables stand on standard error, and as JSON on standard output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"countersign/bench/validate"
)

func main() {
	o := validate.Options{Signed: signed, Sealed: sealed}
	only := flag.String("only", strings.Join(validate.Peered(), ","), "groups to measure, with commas between them")
	flag.IntVar(&o.Devices, "devices", 0, "devices that sealed tokens are bound to")
	flag.Uint64Var(&o.Seed, "seed", 1, "decides the order of the slices")
	flag.IntVar(&o.Rounds, "rounds", 0, "slices of each variant")
	flag.Parse()
	o.Only = strings.Split(*only, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, o validate.Options) error {
	var broken error
	tables, err := validate.Run(ctx, o, func(t validate.Table) { broken = errors.Join(broken, t.Write(os.Stderr)) })
	if err := errors.Join(err, broken); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(tables)
}
