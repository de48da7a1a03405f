// gotuf - go-tuf as tests/bench/tuf_bench.c is common/tuf: refresh, then search, twice.
//
//	gotuf URL DIR < PATHS
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotuf:", err)
		os.Exit(1)
	}
}

func findAll(client *updater.Updater, paths []string) {
	for _, path := range paths {
		_, err := client.GetTargetInfo(path)
		must(err)
	}
}

func main() {
	url, dir := os.Args[1], os.Args[2]
	var paths []string
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		paths = append(paths, lines.Text())
	}
	root, err := os.ReadFile(filepath.Join(dir, "root.json"))
	must(err)
	begun := time.Now()
	settings, err := config.New(url, root)
	must(err)
	settings.LocalMetadataDir = dir
	settings.LocalTargetsDir = dir
	settings.RemoteMetadataURL = url
	client, err := updater.New(settings)
	must(err)
	must(client.Refresh())
	refreshed := time.Now()
	findAll(client, paths)
	searched := time.Now()
	findAll(client, paths)
	again := time.Now()
	fmt.Printf("{\"refresh_s\": %.6f, \"search_s\": %.6f, \"again_s\": %.6f}\n",
		refreshed.Sub(begun).Seconds(), searched.Sub(refreshed).Seconds(),
		again.Sub(searched).Seconds())
}
