package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// loop plays all seats in one goroutine: each is a coroutine that goes on when its connection has something to read. What is ready is asked of the system once
// for many, and nothing is handed from thread to thread, which costs more than an exchange does. A timer of the system wakes the loop when a journey is due.
type loop struct {
	epoll, timer int
	by           map[int32]*eventConn // the connections that are open, by file
	resolved     map[string]unix.Sockaddr
	resting      []*looper // seats that let time pass
	events       [128]unix.EpollEvent
}

// looping reports whether this system has what a loop needs.
const looping = true

// looper is a seat's coroutine.
type looper struct {
	seat   *Seat
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	idle   bool
	until  time.Time // when its rest is over
	err    error     // of the script: the harness broke
}

func newLoop() (*loop, error) {
	l := &loop{by: map[int32]*eventConn{}, resolved: map[string]unix.Sockaddr{}}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		_ = unix.Close(l.epoll)
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	// By edges: a timer that has gone off says so once, and is not read.
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.timer, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(l.timer)}); err != nil {
		l.close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return l, nil
}

func (l *loop) close() {
	_ = unix.Close(l.timer)
	_ = unix.Close(l.epoll)
}

// loop plays the journeys of a pacer in a loop, and gives how many of them never began. The error is that of the script, or of the system.
func (a *Attacker) loop(ctx context.Context, p Pacer, r *Recorder, waiting func(int)) (left int, err error) {
	l, err := newLoop()
	if err != nil {
		return 0, err
	}
	defer l.close()
	seats := make([]*looper, 0, len(a.seats))
	defer func() {
		for _, k := range seats {
			k.stop()
			k.seat.reset(nil)
			k.seat.recorder, k.seat.rest = nil, nil
		}
	}()
	due, taken := 0, 0
	for _, s := range a.seats {
		k := &looper{seat: s, idle: true}
		s.reset(func(_ context.Context, _, address string) (net.Conn, error) { return l.dial(k, address) })
		s.rest = func(d time.Duration) { l.rest(k, d) }
		k.resume, k.stop = iter.Pull(func(yield func(struct{}) bool) {
			for k.yield = yield; yield(struct{}{}); {
				for k.idle = false; taken < due && k.err == nil; {
					n := taken
					taken++
					k.err = a.journey(k.seat, p, n, r)
				}
				k.idle = true
			}
		})
		k.resume() // to its first rest
		seats = append(seats, k)
	}
	return l.run(ctx, a, p, r, seats, &due, &taken, waiting)
}

// run lets journeys begin when they are due and seats go on when they can, until all is over.
func (l *loop) run(ctx context.Context, a *Attacker, p Pacer, r *Recorder, seats []*looper, due, taken *int, waiting func(int)) (left int, err error) {
	all, armed, turn, swept := p.Journeys(), -1, 0, time.Duration(0)
	end := time.Duration(1<<63 - 1) // when what waits is dropped
	for {
		now := r.now()
		if first := *due; first < all && p.At(first) <= now {
			for *due < all && p.At(*due) <= now {
				*due++
			}
			r.released(now-p.At(first), *due-first)
		}
		if *due == all && end == 1<<63-1 {
			end = now + a.drainTime()
		}
		if now >= end || ctx.Err() != nil {
			left, *taken = left+*due-*taken, *due
		}
		waiting(*due - *taken)
		if ctx.Err() != nil {
			return left, ctx.Err() // what is under way ends with its connection
		}
		busy, from := 0, turn
		for i := range seats {
			k := seats[(from+i)%len(seats)]
			if k.idle && *taken < *due {
				k.resume()
				turn = (from + i + 1) % len(seats) // in turn, so that at a low rate too every user has a part in it
			}
			if !k.idle {
				busy++
			}
			if k.err != nil {
				return left, k.err
			}
		}
		if busy == 0 && *taken == *due && *due == all {
			return left, nil
		}
		if *due < all && armed != *due {
			armed = *due
			if err := l.arm(max(p.At(armed)-r.now(), grain)); err != nil {
				return left, err
			}
		}
		if err := l.wait(); err != nil {
			return left, err
		}
		if now-swept > sweep {
			swept = now
			l.expire(time.Now())
		}
	}
}

// sweep is how often connections are looked through for those whose time is over, and how long the loop sleeps at the most.
const sweep = 50 * time.Millisecond

// arm lets the timer go off after a time.
func (l *loop) arm(after time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(after))}
	return unix.TimerfdSettime(l.timer, 0, &spec, nil)
}

// rest lets a seat's coroutine rest for a time.
func (l *loop) rest(k *looper, d time.Duration) {
	k.until = time.Now().Add(d)
	l.resting = append(l.resting, k)
	k.yield(struct{}{}) // when the run is over, the next exchange says so
}

// wake lets those seats go on whose rest is over.
func (l *loop) wake(now time.Time) {
	var over []*looper
	l.resting = slices.DeleteFunc(l.resting, func(k *looper) bool {
		rested := !k.until.After(now)
		if rested {
			over = append(over, k)
		}
		return rested
	})
	for _, k := range over {
		k.resume()
	}
}

// sleep is how long the loop may sleep, in milliseconds: to the end of the first rest, rounded up.
func (l *loop) sleep() int {
	longest := sweep
	for _, k := range l.resting {
		longest = min(longest, max(0, time.Until(k.until)))
	}
	return int((longest + time.Millisecond - 1) / time.Millisecond)
}

// wait sleeps until something is ready, and lets those seats go on.
func (l *loop) wait() error {
	n, err := unix.EpollWait(l.epoll, l.events[:], l.sleep())
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if len(l.resting) > 0 {
		l.wake(time.Now())
	}
	for _, e := range l.events[:n] {
		c := l.by[e.Fd]
		switch {
		case c == nil: // the timer, or a connection that was closed a moment ago
		case c.parked:
			c.seat.resume()
		default: // one that rests was closed from there, and would say so again and again: it is looked at before it is used
			if err := c.watch(0); err != nil {
				return err
			}
		}
	}
	return nil
}

// expire lets those seats go on whose time is over.
func (l *loop) expire(now time.Time) {
	for _, c := range l.by { // in any order: they have nothing to do with each other
		if c.parked && c.over(now) {
			c.seat.resume()
		}
	}
}

// dial opens a connection for a seat. The address is looked up once.
func (l *loop) dial(k *looper, address string) (net.Conn, error) {
	to, ok := l.resolved[address]
	if !ok {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			return nil, err
		}
		if four := tcp.IP.To4(); four != nil {
			to = &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(four)}
		} else {
			to = &unix.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP.To16())}
		}
		l.resolved[address] = to
	}
	family := unix.AF_INET6
	if _, four := to.(*unix.SockaddrInet4); four {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &eventConn{loop: l, seat: k, fd: fd, deadline: time.Now().Add(k.seat.limit)}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // without it, it is slower
	if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	l.by[int32(fd)] = c
	if err := c.park(unix.EPOLLOUT); err != nil {
		_ = c.Close()
		return nil, err
	}
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		_ = c.Close()
		return nil, os.NewSyscallError("connect", unix.Errno(code))
	}
	return c, nil
}

// eventConn is a connection of a loop's seat. While it waits, the seat's coroutine rests.
type eventConn struct {
	loop     *loop
	seat     *looper
	fd       int
	parked   bool
	watched  uint32 // for what the system watches it
	deadline time.Time
}

// watch has the system tell when the connection is ready for that; 0: it need tell nothing any more.
func (c *eventConn) watch(events uint32) error {
	if events == c.watched {
		return nil
	}
	how := unix.EPOLL_CTL_MOD
	switch {
	case c.watched == 0:
		how = unix.EPOLL_CTL_ADD
	case events == 0:
		how = unix.EPOLL_CTL_DEL
	}
	c.watched = events
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(c.loop.epoll, how, c.fd, &unix.EpollEvent{Events: events, Fd: int32(c.fd)}))
}

func (c *eventConn) over(now time.Time) bool { return !c.deadline.IsZero() && now.After(c.deadline) }

// park rests until the connection is ready for that or its time is over.
func (c *eventConn) park(events uint32) error {
	if err := c.watch(events); err != nil {
		return err
	}
	c.parked = true
	went := c.seat.yield(struct{}{})
	c.parked = false
	if !went {
		return net.ErrClosed // the run is over
	}
	return nil
}

// Read implements net.Conn. It asks the system only once there is something to read.
func (c *eventConn) Read(p []byte) (int, error) {
	for tries := 0; ; tries++ {
		if now := time.Now(); tries > 0 || c.over(now) {
			n, err := unix.Read(c.fd, p)
			switch {
			case errors.Is(err, unix.EAGAIN) && c.over(now):
				return 0, os.ErrDeadlineExceeded
			case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			case err != nil:
				return 0, os.NewSyscallError("read", err)
			case n == 0:
				return 0, io.EOF
			default:
				return n, nil
			}
		}
		if err := c.park(unix.EPOLLIN); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (c *eventConn) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(c.fd, p[written:])
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if c.over(time.Now()) {
				return written, os.ErrDeadlineExceeded
			}
			if err := c.park(unix.EPOLLOUT); err != nil {
				return written, err
			}
		case err != nil:
			return written, os.NewSyscallError("write", err)
		default:
			written += n
		}
	}
	return written, nil
}

// Close implements net.Conn.
func (c *eventConn) Close() error {
	if c.fd < 0 {
		return net.ErrClosed
	}
	delete(c.loop.by, int32(c.fd))
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}

// LocalAddr and RemoteAddr implement net.Conn. Nobody asks.
func (c *eventConn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (c *eventConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline implements net.Conn.
func (c *eventConn) SetDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

// SetReadDeadline implements net.Conn; there is one deadline for both ways.
func (c *eventConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *eventConn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }
