package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine runs the scripts of testdata/script against the program as it is built.
func TestCommandLine(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "countersign"), "countersign").CombinedOutput(); err != nil {
		t.Fatalf("the program does not build: %v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "repro": repro, "json": jsonDocument, "jsonlines": jsonLines,
		},
	})
}

// exits runs a program and wants that very exit code: exits 2 countersign list.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s cannot be run: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// repro runs, in a shell, the command that a report gives for its first check again: repro 1 out/report.json.
func repro(ts *testscript.TestScript, _ bool, args []string) {
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	command := fmt.Sprint(member(document, []string{"checks", "results", "0", "repro"}))
	ts.Logf("%s", command)
	exits(ts, false, []string{args[0], "sh", "-c", command})
}

// jsonDocument wants one JSON value that is not empty, with members of these values: json stdout checks.counts.total=1.
func jsonDocument(ts *testscript.TestScript, _ bool, args []string) {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	switch v := value.(type) {
	case []any:
		if len(v) == 0 {
			ts.Fatalf("%s is an empty list", args[0])
		}
	case map[string]any:
		if len(v) == 0 {
			ts.Fatalf("%s is an empty object", args[0])
		}
	default:
		ts.Fatalf("%s is neither a list nor an object", args[0])
	}
	for _, wanted := range args[1:] {
		path, want, _ := strings.Cut(wanted, "=")
		if got := fmt.Sprint(member(value, strings.Split(path, "."))); got != want {
			ts.Fatalf("%s is %s, not %s", path, got, want)
		}
	}
}

func member(value any, path []string) any {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// jsonLines wants so many lines, each an object with these members: jsonlines stdout 2 scenario level.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	lines := bytes.Split(bytes.TrimSuffix([]byte(ts.ReadFile(args[0])), []byte("\n")), []byte("\n"))
	if fmt.Sprint(len(lines)) != args[1] {
		ts.Fatalf("%d lines, not %s", len(lines), args[1])
	}
	for i, line := range lines {
		var object map[string]any
		ts.Check(json.Unmarshal(line, &object))
		for _, name := range args[2:] {
			if v, ok := object[name]; !ok || v == "" {
				ts.Fatalf("line %d has no %s: %s", i+1, name, line)
			}
		}
	}
}
