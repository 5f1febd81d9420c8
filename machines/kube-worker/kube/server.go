package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controlleroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

const (
	readiness = "https://127.0.0.1:6443/readyz"
	// The pause between two requests for readiness; one takes an emulated processor 20 ms.
	interval  = 500 * time.Millisecond
	separator = "--"
)

// Runs a cluster's whole control plane in this process, which starts in half of the time that four
// processes take. The arguments are those of its parts, each after its name, with "--" between two parts:
//
//	kube server etcd --data-dir=... -- kube-apiserver ... -- kube-controller-manager ... -- kube-scheduler ...
//
// Feature gates and the log are set by those of the API server. The process ends when a part does.
func runServer(arguments []string) {
	// Otherwise store and API server would report readiness of the unit, each when it alone is ready.
	socket := os.Getenv("NOTIFY_SOCKET")
	os.Unsetenv("NOTIFY_SOCKET")
	for len(arguments) > 0 {
		end := slices.Index(arguments, separator)
		if end < 0 {
			end = len(arguments)
		}
		startPart(arguments[:end])
		arguments = arguments[min(end+1, len(arguments)):]
	}
	waitForServer()
	notify(socket)
	select {}
}

func startPart(arguments []string) {
	switch name := arguments[0]; name {
	case "etcd":
		go etcdmain.Main(arguments)
	case "kube-apiserver":
		// Only one part may handle signals, and this one's handler ends the process.
		command := apiserver.NewAPIServerCommand()
		command.SetArgs(arguments[1:])
		go func() { os.Exit(cli.Run(command)) }()
	case "kube-controller-manager":
		go runClient(name, parseControllers(arguments))
	case "kube-scheduler":
		go runClient(name, parseScheduler(arguments))
	default:
		fail("no part of the server is named %q", name)
	}
}

// Runs a part that needs the API server, and that would exit if the server were not ready within 10 s.
func runClient(name string, run func(context.Context) error) {
	waitForServer()
	fmt.Fprintf(os.Stderr, "kube: %s ended: %v\n", name, run(context.Background()))
	os.Exit(1)
}

// Waits until the API server is ready; the limit is TimeoutStartSec of the unit.
func waitForServer() {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	for ; ; time.Sleep(interval) {
		answer, err := client.Get(readiness)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
}

// Reports to systemd that the unit is ready (sd_notify(3)).
func notify(socket string) {
	if socket == "" {
		return
	}
	connection, err := net.Dial("unixgram", socket)
	if err == nil {
		_, err = connection.Write([]byte("READY=1"))
		connection.Close()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kube: cannot notify systemd that the server is ready: %v\n", err)
	}
}

func parseControllers(arguments []string) func(context.Context) error {
	options, err := controlleroptions.NewKubeControllerManagerOptions()
	if err != nil {
		fail("%s: %v", arguments[0], err)
	}
	known, disabled := controllers.KnownControllers(), controllers.ControllersDisabledByDefault()
	aliases := controllers.ControllerAliases()
	flags := options.Flags(known, disabled, aliases)
	options.ParsedFlags = &flags
	parse(flags, arguments)
	return func(ctx context.Context) error {
		config, err := options.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		return controllers.Run(ctx, config.Complete())
	}
}

func parseScheduler(arguments []string) func(context.Context) error {
	options := scheduleroptions.NewOptions()
	parse(*options.Flags, arguments)
	return func(ctx context.Context) error {
		config, instance, err := scheduler.Setup(ctx, options)
		if err != nil {
			return err
		}
		return scheduler.Run(ctx, config, instance)
	}
}

func parse(sets flag.NamedFlagSets, arguments []string) {
	all := pflag.NewFlagSet(arguments[0], pflag.ContinueOnError)
	all.SetNormalizeFunc(flag.WordSepNormalizeFunc)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	if err := all.Parse(arguments[1:]); err != nil {
		fail("%s: %v", arguments[0], err)
	}
}
