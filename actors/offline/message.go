package offline

// MaxMessage is how long a message may be, envelope included, in bytes (profile section 2.1).
const MaxMessage = 2048

// Application asks for a business to be authorized (type 1).
type Application struct {
	Serial   []byte // 16 bytes
	Handset  string
	Device   string
	Service  string
	Amount   uint64 // in the smallest unit of the currency, 0 to 2^53-1
	Currency string
}

// Information is what the server makes of an application, to be signed by the handset (type 2).
type Information struct {
	Application
	Level     uint64 // 1 common, 2 high
	Challenge []byte // 32 bytes
	IssuedAt  uint64 // seconds since 1970
	ExpiresAt uint64 // seconds since 1970
	Issuer    string
	SealKey   []byte // an X25519 public key, at level 2 only
}

// Countersign is the information as the handset signs it (type 3), with a password proof at level 2.
type Countersign struct {
	Information
	Proof       []byte // 32 bytes, as it is; never with SealedProof
	SealedProof []byte // 80 bytes, under encryption to the server
}

// Decision is what the device tells the handset at the end (type 4).
type Decision struct {
	Serial   []byte
	Approved bool
	Result   []byte // the bytes of a result, envelope included; nil for none
	Error    string // empty for none
}

// Result is the server's judgement of a countersign (type 5).
type Result struct {
	Application
	Level     uint64
	Challenge []byte
	IssuedAt  uint64 // the time of the judgement
	Issuer    string
	Verified  bool
}

// Refusal is what the handset gets where there is no information (type 6).
type Refusal struct {
	Error  string
	Serial []byte // nil for none
}

// Fields gives the message's map.
func (a Application) Fields() Fields {
	return Fields{
		KeyType: uint64(TypeApplication), KeySerial: a.Serial, KeyHandset: a.Handset, KeyDevice: a.Device,
		KeyService: a.Service, KeyAmount: a.Amount, KeyCurrency: a.Currency,
	}
}

// Fields gives the message's map.
func (i Information) Fields() Fields {
	f := i.Application.Fields()
	f[KeyType] = uint64(TypeInformation)
	f[KeyLevel], f[KeyChallenge], f[KeyIssuedAt], f[KeyExpiresAt], f[KeyIssuer] = i.Level, i.Challenge, i.IssuedAt, i.ExpiresAt, i.Issuer
	f.putBytes(KeySealKey, i.SealKey)
	return f
}

// Fields gives the message's map.
func (c Countersign) Fields() Fields {
	f := c.Information.Fields()
	f[KeyType] = uint64(TypeCountersign)
	f.putBytes(KeyProof, c.Proof)
	f.putBytes(KeySealedProof, c.SealedProof)
	return f
}

// Fields gives the message's map.
func (d Decision) Fields() Fields {
	f := Fields{KeyType: uint64(TypeDecision), KeySerial: d.Serial, KeyApproved: d.Approved}
	f.putBytes(KeyResult, d.Result)
	f.putText(KeyError, d.Error)
	return f
}

// Fields gives the message's map.
func (r Result) Fields() Fields {
	f := r.Application.Fields()
	f[KeyType] = uint64(TypeResult)
	f[KeyLevel], f[KeyChallenge], f[KeyIssuedAt], f[KeyIssuer], f[KeyVerified] = r.Level, r.Challenge, r.IssuedAt, r.Issuer, r.Verified
	return f
}

// Fields gives the message's map.
func (r Refusal) Fields() Fields {
	f := Fields{KeyType: uint64(TypeRefusal), KeyError: r.Error}
	f.putBytes(KeySerial, r.Serial)
	return f
}

// ParseApplication reads an application. The error is a [*MalformedError], here and below.
func ParseApplication(data []byte, leniency Leniency) (Application, error) {
	f, err := leniency.read(data, TypeApplication)
	return f.application(), err
}

// ParseInformation reads the payload of information.
func ParseInformation(payload []byte, leniency Leniency) (Information, error) {
	f, err := leniency.read(payload, TypeInformation)
	i := f.information()
	if err == nil && (i.Level == 2) != (i.SealKey != nil) {
		err = malformed(TypeInformation, "seal_key stands at level 2 and there only")
	}
	return i, err
}

// ParseCountersign reads the payload of a countersign. Which of seal_key, proof and sealed_proof are right is not judged.
func ParseCountersign(payload []byte, leniency Leniency) (Countersign, error) {
	f, err := leniency.read(payload, TypeCountersign)
	c := Countersign{Information: f.information(), Proof: f.bytes(KeyProof), SealedProof: f.bytes(KeySealedProof)}
	if err == nil && c.Proof != nil && c.SealedProof != nil {
		err = malformed(TypeCountersign, "proof and sealed_proof exclude each other")
	}
	return c, err
}

// ParseDecision reads a decision.
func ParseDecision(data []byte, leniency Leniency) (Decision, error) {
	f, err := leniency.read(data, TypeDecision)
	return Decision{Serial: f.bytes(KeySerial), Approved: f.truth(KeyApproved), Result: f.bytes(KeyResult), Error: f.text(KeyError)}, err
}

// ParseResult reads the payload of a result.
func ParseResult(payload []byte, leniency Leniency) (Result, error) {
	f, err := leniency.read(payload, TypeResult)
	return Result{
		Application: f.application(), Level: f.number(KeyLevel), Challenge: f.bytes(KeyChallenge),
		IssuedAt: f.number(KeyIssuedAt), Issuer: f.text(KeyIssuer), Verified: f.truth(KeyVerified),
	}, err
}

// ParseRefusal reads a refusal.
func ParseRefusal(data []byte, leniency Leniency) (Refusal, error) {
	f, err := leniency.read(data, TypeRefusal)
	return Refusal{Error: f.text(KeyError), Serial: f.bytes(KeySerial)}, err
}

func (f Fields) application() Application {
	return Application{
		Serial: f.bytes(KeySerial), Handset: f.text(KeyHandset), Device: f.text(KeyDevice),
		Service: f.text(KeyService), Amount: f.number(KeyAmount), Currency: f.text(KeyCurrency),
	}
}

func (f Fields) information() Information {
	return Information{
		Application: f.application(), Level: f.number(KeyLevel), Challenge: f.bytes(KeyChallenge),
		IssuedAt: f.number(KeyIssuedAt), ExpiresAt: f.number(KeyExpiresAt), Issuer: f.text(KeyIssuer), SealKey: f.bytes(KeySealKey),
	}
}
