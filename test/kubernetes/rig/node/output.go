package main

// Where a container's output goes: to its log, and to everyone who is attached.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// fan gives what is written to all who listen.
type fan struct {
	mu        sync.Mutex
	next      int
	listeners map[int]io.WriteCloser
}

func newFan() *fan { return &fan{listeners: map[int]io.WriteCloser{}} }

func (f *fan) add(to io.WriteCloser) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	if to != nil {
		f.listeners[f.next] = to
	}
	return f.next
}

func (f *fan) remove(listener int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listeners, listener)
}

func (f *fan) Write(data []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for listener, to := range f.listeners {
		if _, err := to.Write(data); err != nil {
			delete(f.listeners, listener)
		}
	}
	return len(data), nil
}

func (f *fan) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, to := range f.listeners {
		if stream, ok := to.(*logStream); ok {
			stream.Close()
		}
	}
}

// logFile is a log as container runtimes write it for the kubelet: time, stream, full or partial, line.
type logFile struct {
	mu   sync.Mutex
	file *os.File
}

type logStream struct {
	file *logFile
	name string
	rest []byte
}

func openLog(path string) (*logFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return &logFile{file: file}, err
}

func (l *logFile) stream(name string) *logStream { return &logStream{file: l, name: name} }

func (s *logStream) Write(data []byte) (int, error) {
	s.rest = append(s.rest, data...)
	for {
		end := bytes.IndexByte(s.rest, '\n')
		if end < 0 {
			return len(data), nil
		}
		s.line("F", s.rest[:end])
		s.rest = s.rest[end+1:]
	}
}

func (s *logStream) Close() error {
	if len(s.rest) > 0 {
		s.line("P", s.rest)
		s.rest = nil
	}
	return nil
}

func (s *logStream) line(tag string, text []byte) {
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	_, _ = fmt.Fprintf(s.file.file, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), s.name, tag, text)
}
