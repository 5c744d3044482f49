package api

import "net/http"

// A code names what went wrong, for programs: once published its meaning stays.
type code string

// The codes of all problems that the launcher answers.
const (
	invalidRequest       code = "INVALID_REQUEST"
	malformedBody        code = "MALFORMED_BODY"
	invalidConfiguration code = "INVALID_CONFIGURATION"
	invalidInput         code = "INVALID_INPUT"
	unauthenticated      code = "UNAUTHENTICATED"
	forbidden            code = "FORBIDDEN"
	hostNotAllowed       code = "HOST_NOT_ALLOWED"
	originNotAllowed     code = "ORIGIN_NOT_ALLOWED"
	notFound             code = "NOT_FOUND"
	methodNotAllowed     code = "METHOD_NOT_ALLOWED"
	notAcceptable        code = "NOT_ACCEPTABLE"
	requestTimeout       code = "REQUEST_TIMEOUT"
	wrongState           code = "WRONG_STATE"
	conflict             code = "CONFLICT"
	keyReused            code = "IDEMPOTENCY_KEY_REUSED"
	gone                 code = "GONE"
	bodyTooLarge         code = "BODY_TOO_LARGE"
	unsupportedMediaType code = "UNSUPPORTED_MEDIA_TYPE"
	rateLimited          code = "RATE_LIMITED"
	queueFull            code = "QUEUE_FULL"
	tooManySchedules     code = "TOO_MANY_SCHEDULES"
	internalError        code = "INTERNAL"
	overloaded           code = "OVERLOADED"
	storeUnavailable     code = "STORE_UNAVAILABLE"
	answerTooLarge       code = "ANSWER_TOO_LARGE"
)

// meaning is what a code stands for.
type meaning struct {
	status int
	title  string // the same for every problem of the code
	remedy string // what the caller can do
}

// codes is the one place that says which status a code has and what it means. The description of the
// OpenAPI document has this table.
var codes = map[code]meaning{
	invalidRequest:       {http.StatusUnprocessableEntity, "The request is not valid", "correct what `errors` names"},
	malformedBody:        {http.StatusBadRequest, "The body can't be read", "send a body that is valid JSON, whole"},
	invalidConfiguration: {http.StatusUnprocessableEntity, "The configuration is not valid", "correct what `errors` names; all mistakes are there"},
	invalidInput:         {http.StatusUnprocessableEntity, "The file can't be used", "send a campaigns file or a snapshot"},
	unauthenticated:      {http.StatusUnauthorized, "No valid API key", "send `Authorization: Bearer KEY` or `X-API-Key: KEY`"},
	forbidden:            {http.StatusForbidden, "Not allowed with this key", "use a key with the scope that `detail` names"},
	hostNotAllowed:       {http.StatusMisdirectedRequest, "This host name is not answered", "start the launcher with the host among its allowed ones"},
	originNotAllowed:     {http.StatusForbidden, "Requests from this origin are not answered", "start the launcher with the origin among its allowed ones"},
	notFound:             {http.StatusNotFound, "Not found", "check the address; other tenants' things are not found either"},
	methodNotAllowed:     {http.StatusMethodNotAllowed, "Method not allowed", "use a method of the `Allow` field"},
	notAcceptable:        {http.StatusNotAcceptable, "Not available in this form", "accept `application/json`, or what the route offers"},
	requestTimeout:       {http.StatusRequestTimeout, "The body took too long", "send it again"},
	wrongState:           {http.StatusConflict, "Not possible in its state", "look at its state; `detail` says which it needs"},
	conflict:             {http.StatusConflict, "Taken or changed meanwhile", "look again, then decide"},
	keyReused:            {http.StatusConflict, "The idempotency key was used for something else", "use a new key for another body"},
	gone:                 {http.StatusGone, "It was deleted", "nothing brings it back"},
	bodyTooLarge:         {http.StatusRequestEntityTooLarge, "The body is too large", "send less; `detail` says how much is taken"},
	unsupportedMediaType: {http.StatusUnsupportedMediaType, "The body's type is not understood", "send a Content-Type that `detail` names"},
	rateLimited:          {http.StatusTooManyRequests, "Too many requests", "wait as long as `Retry-After` says"},
	queueFull:            {http.StatusTooManyRequests, "Too many simulations wait", "wait until some have finished"},
	tooManySchedules:     {http.StatusConflict, "Too many schedules", "delete one that is not needed"},
	internalError:        {http.StatusInternalServerError, "The launcher failed", "tell its operator the request's id, `instance`"},
	overloaded:           {http.StatusServiceUnavailable, "Too much to do", "wait as long as `Retry-After` says"},
	storeUnavailable:     {http.StatusServiceUnavailable, "The launcher's store does not answer", "wait as long as `Retry-After` says"},
	answerTooLarge:       {http.StatusUnprocessableEntity, "The answer would be too large", "ask for less: fewer rows, a narrower filter"},
}
