// Package interop finds the programs of other makers that tests run against. Only tests import it.
package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// systemPython has the modules that Debian packages install, whatever python3 on PATH is.
const systemPython = "/usr/bin/python3"

// Python returns the path of a Python 3 interpreter that can import a module. When there is none, path
// is empty and missing is a sentence that names the Debian package to install.
func Python(module, debianPackage string) (path, missing string) {
	for _, name := range []string{"python3", systemPython} {
		path, err := exec.LookPath(name)
		if err == nil && imports(path, module) {
			return path, ""
		}
	}
	return "", fmt.Sprintf("no python3 here can import %s; install the Debian package %s", module, debianPackage)
}

func imports(python, module string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, python, "-c", "import importlib, sys; importlib.import_module(sys.argv[1])", module).Run() == nil
}

// Reporter is the part of testing.TB and of Ginkgo's GinkgoT that RequirePython needs.
type Reporter interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// RequirePython returns what Python finds. When it finds nothing, the test fails if the environment
// variable CI is set, as every peer must be there, and is skipped elsewhere; both give the reason.
func RequirePython(t Reporter, module, debianPackage string) string {
	t.Helper()
	path, missing := Python(module, debianPackage)
	switch {
	case missing == "":
	case os.Getenv("CI") != "":
		t.Fatalf("%s", missing)
	default:
		t.Skipf("%s", missing)
	}
	return path
}
