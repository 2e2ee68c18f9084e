package nearfield

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// The media types of a frame over loopback and as a picture (profile sections 4.3 and 4.4).
const (
	FrameType   = "application/octet-stream"
	PictureType = "image/png"
)

const (
	mark      = "CSO1:" // what the text of a code begins with
	quiet     = 4       // modules of white around a code
	perModule = 4       // pixels
	maxEdge   = 4096    // pixels of a picture that is read
)

// Picture writes a frame as a PNG with one QR code (profile section 4.4). The error says that the frame is too long for any code.
func Picture(frame []byte) ([]byte, error) {
	code, err := qr.Encode(mark+encodeBase45(frame), qr.M, qr.AlphaNumeric)
	if err != nil {
		return nil, fmt.Errorf("a frame of %d bytes does not fit into a picture; make the frame size 1024 or less: %w", len(frame), err)
	}
	modules := code.Bounds().Dx()
	edge := (modules + 2*quiet) * perModule
	picture := image.NewPaletted(image.Rect(0, 0, edge, edge), color.Palette{color.White, color.Black})
	for y := range modules * perModule {
		for x := range modules * perModule {
			if dark, _, _, _ := code.At(x/perModule, y/perModule).RGBA(); dark == 0 {
				picture.SetColorIndex(x+quiet*perModule, y+quiet*perModule, 1)
			}
		}
	}
	var file bytes.Buffer
	err = png.Encode(&file, picture)
	return file.Bytes(), err
}

// ReadPicture reads the frame in a picture. The error, a *MalformedError, says that there is none.
func ReadPicture(file []byte) (frame []byte, err error) {
	// The reader is not ours, and what it is given comes from strangers: a picture that it breaks on has no readable code.
	defer func() {
		if recover() != nil {
			frame, err = nil, &MalformedError{"the picture has no readable code"}
		}
	}()
	if config, err := png.DecodeConfig(bytes.NewReader(file)); err != nil || config.Width > maxEdge || config.Height > maxEdge {
		return nil, &MalformedError{fmt.Sprintf("the picture is no PNG of at most %d pixels a side", maxEdge)}
	}
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, &MalformedError{"the picture breaks off"}
	}
	text, err := readCode(picture)
	if err != nil {
		return nil, &MalformedError{"the picture has no readable code"}
	}
	written, ours := strings.CutPrefix(text, mark)
	if !ours {
		return nil, &MalformedError{"the text of the code does not begin with " + mark}
	}
	return decodeBase45(written)
}

// readCode first takes the picture for one that was drawn, as Picture does it, and then for one that a camera took.
func readCode(picture image.Image) (string, error) {
	source, reader := gozxing.NewLuminanceSourceFromImage(picture), qrcode.NewQRCodeReader()
	drawn, err := gozxing.NewBinaryBitmap(gozxing.NewGlobalHistgramBinarizer(source))
	if err != nil {
		return "", err
	}
	if code, err := reader.Decode(drawn, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}); err == nil {
		return code.GetText(), nil
	}
	seen, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
	if err != nil {
		return "", err
	}
	code, err := reader.Decode(seen, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", err
	}
	return code.GetText(), nil
}
