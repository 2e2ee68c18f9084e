package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pkg/profile"
	"github.com/spf13/pflag"

	"countersign/conformance/certify"
)

// profiling is what a run is profiled for: one thing, or nothing.
type profiling struct{ kinds [len(profileKinds)]bool }

// profileKinds are the flags, what they do, and the files that come of them.
var profileKinds = [...]struct {
	flag, file, about string
	mode              func(*profile.Profile)
}{
	{"cpuprofile", "cpu.pprof", "processor time", profile.CPUProfile},
	{"memprofile", "mem.pprof", "the heap", profile.MemProfileRate(4096)},
	{"trace", "trace.out", "what the scheduler does, for go tool trace", profile.TraceProfile},
	{"mutexprofile", "mutex.pprof", "waiting for locks", profile.MutexProfile},
	{"blockprofile", "block.pprof", "waiting for anything", profile.BlockProfile},
}

func (p *profiling) flags(f *pflag.FlagSet) {
	for i, k := range profileKinds {
		f.BoolVar(&p.kinds[i], k.flag, false, fmt.Sprintf("profile %s into %s of the folder --out", k.about, k.file))
	}
}

// start begins the profile that was asked for; stop writes it.
func (p *profiling) start(folder string) (stop func(), err error) {
	chosen := -1
	for i, k := range profileKinds {
		if !p.kinds[i] {
			continue
		}
		if chosen >= 0 {
			return nil, &certify.UsageError{Problem: fmt.Sprintf("--%s and --%s would distort each other; profile one thing at a time", profileKinds[chosen].flag, k.flag)}
		}
		chosen = i
	}
	if chosen < 0 {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(folder, profileKinds[chosen].file)) // the library would end the program where it cannot
	if err != nil {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("the profile cannot be written: %v; name another folder with --out", err)}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return profile.Start(profileKinds[chosen].mode, profile.ProfilePath(folder), profile.NoShutdownHook, profile.Quiet).Stop, nil
}
