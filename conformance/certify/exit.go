package certify

import (
	"context"
	"errors"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/container"
	"countersign/conformance/doctor"
	"countersign/conformance/flows"
	"countersign/conformance/launch"
	"countersign/conformance/reference"
	"countersign/conformance/remote"
)

// ExitCode is the exit code for an error that kept anything from being run: 2 for usage and configuration, 3 for a target that does not answer and for what was stopped, 4 for the rest.
func ExitCode(err error) int {
	refusal, refused := errors.AsType[*doctor.Refusal](err)
	image, noImage := errors.AsType[*container.ImageError](err)
	start, noStart := errors.AsType[*container.StartError](err)
	switch {
	case refused && refusal.Dead(), noImage && !image.Malformed(), noStart && !start.NoProgram(),
		is[*config.NoMetadataError](err), is[*remote.UnreachableError](err), // no target answers
		is[*launch.EndedError](err), is[*launch.SilentError](err), is[*container.EngineError](err), // none comes up
		is[*StoppedError](err), errors.Is(err, context.Canceled):
		return 3
	case refused, noImage, noStart, is[*UsageError](err), is[*NothingAgainError](err), is[*BusyError](err),
		is[*config.Error](err), is[*config.ExistsError](err), is[*remote.SetupError](err),
		is[*conformance.NoSuchCheckError](err), is[*flows.UnknownError](err),
		is[*reference.UnknownDefectError](err), is[*reference.UnknownRoleError](err), is[*reference.PortError](err),
		is[*launch.CommandError](err), is[*launch.TakenError](err), is[*launch.OutputError](err), is[*launch.NoPortError](err), is[*container.FolderError](err):
		return 2
	}
	return 4
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
