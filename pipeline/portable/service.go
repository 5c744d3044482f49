package portable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// service is the address of a job service. It is asked a few times a minute: each question makes its own
// connection, so that nothing is held, or gone stale, between two.
type service string

// answerTime is how long a job service may take to answer. Starting a job is a matter of a second.
const answerTime = 30 * time.Second

// call asks the service. The error's method Temporary is true if asking again may help.
func (s service) call(ctx context.Context, ask func(context.Context, jobpb.JobServiceClient) error) (err error) {
	conn, err := grpc.NewClient("passthrough:///"+string(s), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("pipeline: job service at %s: %w", s, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err = ask(limited, jobpb.NewJobServiceClient(conn))
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return s.explain(err)
}

// explain tells people what an error of the service means.
func (s service) explain(err error) error {
	switch status.Code(err) {
	case codes.OK:
		return err
	case codes.Unavailable:
		return passing{fmt.Errorf("the job service at %s can't be reached; is it running? %w", s, err)}
	case codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted:
		return passing{fmt.Errorf("the job service at %s: %w", s, err)}
	case codes.Unimplemented:
		return fmt.Errorf("what listens at %s is no Beam job service; say --endpoint HOST:PORT of one: %w", s, err)
	}
	return fmt.Errorf("the job service at %s: %w", s, err)
}

// passing is an error that may be gone the next time.
type passing struct{ error }

func (passing) Temporary() bool { return true }
func (e passing) Unwrap() error { return e.error }

// maxSaid bounds what a job's errors may say together.
const maxSaid = 4 << 10

// errorsOf are what a job that has ended said of its end: the service tells all of it again.
func errorsOf(ctx context.Context, jobs jobpb.JobServiceClient, id string) (string, error) {
	stream, err := jobs.GetMessageStream(ctx, &jobpb.JobMessagesRequest{JobId: id})
	if err != nil {
		return "", err
	}
	var said []string
	for size := 0; size < maxSaid; {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if m := answer.GetMessageResponse(); m.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR {
			said = append(said, m.GetMessageText())
			size += len(m.GetMessageText())
		}
	}
	return cut(strings.Join(said, "; ")), nil
}

// cut is the beginning of a message.
func cut(message string) string {
	if len(message) <= maxSaid {
		return message
	}
	return strings.ToValidUTF8(message[:maxSaid], "") // the last character may be cut
}
