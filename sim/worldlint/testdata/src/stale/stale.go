package stale

import "time"

//worldlint:allow nothing here needs it
const pause = time.Second
