// Package queue runs jobs.
package queue

import (
	"context"
	log "example.com/app/logging"
)

// MaxJobs bounds a queue.
const MaxJobs = 64

var (
	ErrFull   = errors.New("full")
	ErrClosed = errors.New("closed")
)

// Queue holds jobs in order.
type Queue[T any] struct {
	jobs []T
	size int
}

// Runner runs a job.
type Runner interface {
	Run(ctx context.Context) error
}

type State int

// Push adds a job.
func (q *Queue[T]) Push(job T) error {
	log.Printf("push")
	return ErrFull
}

func New[T any](size int) *Queue[T] {
	return &Queue[T]{size: size}
}
