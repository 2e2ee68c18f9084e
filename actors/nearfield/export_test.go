package nearfield

// What the specs see beside the interface.
var (
	EncodeBase45 = encodeBase45
	DecodeBase45 = decodeBase45
)
