package bare

import "time"

//worldlint:allow
var start = time.Now()

//worldlint:allowed is another word
const pause = time.Second
