// Checks logs laid out as files with Go's own note and tlog packages, and prints one JSON line for each.
// Usage: logcheck DIRECTORY…; each holds checkpoint, tile/… and claims.json.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type claims struct {
	Origin    string `json:"origin"`
	LogKey    string `json:"log_key"`
	Inclusion []struct {
		Index int64    `json:"index"`
		Proof []string `json:"proof"`
	} `json:"inclusion"`
	Consistency []struct {
		OldSize int64    `json:"old_size"`
		OldRoot string   `json:"old_root"`
		Proof   []string `json:"proof"`
	} `json:"consistency"`
}

// files reads tiles at the paths of C2SP tlog-tiles, which leave out the height that sumdb's paths carry.
type files struct{ folder string }

func (f files) path(t tlog.Tile) string {
	path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
	return filepath.Join(f.folder, strings.Replace(path, "tile/data/", "tile/entries/", 1))
}

func (f files) Height() int { return 8 }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := ioutil.ReadFile(f.path(t))
		if err != nil {
			return nil, err
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", t.Path(), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) entry(index, size int64) ([]byte, error) {
	number, width := index/256, int64(256)
	if rest := size - number*256; rest < width {
		width = rest
	}
	data, err := ioutil.ReadFile(f.path(tlog.Tile{H: 8, L: -1, N: number, W: int(width)}))
	for skip := index % 256; err == nil; skip-- {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("bundle %d is cut off", number)
		}
		length := int(binary.BigEndian.Uint16(data))
		if skip == 0 {
			return data[2 : 2+length], nil
		}
		data = data[2+length:]
	}
	return nil, err
}

func hashes(texts []string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, text := range texts {
		h, err := tlog.ParseHash(text)
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

func equal(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func check(folder string) (int64, error) {
	var c claims
	raw, err := ioutil.ReadFile(filepath.Join(folder, "claims.json"))
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(c.LogKey)
	if err != nil {
		return 0, err
	}
	signed, err := ioutil.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return 0, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return 0, err
	}
	var size int64
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != c.Origin {
		return 0, fmt.Errorf("not a checkpoint of %s", c.Origin)
	}
	if _, err := fmt.Sscanf(lines[1], "%d", &size); err != nil {
		return 0, err
	}
	decoded, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(decoded) != tlog.HashSize {
		return 0, fmt.Errorf("root")
	}
	var root tlog.Hash
	copy(root[:], decoded)
	if size == 0 {
		return 0, nil
	}
	store := files{folder}
	// The reader authenticates every tile it opens against the checkpoint's root.
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, store)
	for index := int64(0); index < size; index++ {
		h, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return 0, err
		}
		entry, err := store.entry(index, size)
		if err != nil {
			return 0, err
		}
		if tlog.RecordHash(entry) != h[0] {
			return 0, fmt.Errorf("entry %d is not its leaf", index)
		}
		if size > 1000 && index%97 != 0 {
			index += 96 - index%97
		}
	}
	for _, claim := range c.Inclusion {
		proof, err := hashes(claim.Proof)
		if err != nil {
			return 0, err
		}
		entry, err := store.entry(claim.Index, size)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckRecord(proof, size, root, claim.Index, tlog.RecordHash(entry)); err != nil {
			return 0, err
		}
		own, err := tlog.ProveRecord(size, claim.Index, reader)
		if err != nil || !equal(own, proof) {
			return 0, fmt.Errorf("inclusion proof of %d differs: %v", claim.Index, err)
		}
	}
	for _, claim := range c.Consistency {
		if claim.OldSize == 0 {
			continue // sumdb has no proof from the empty tree
		}
		proof, err := hashes(claim.Proof)
		if err != nil {
			return 0, err
		}
		old, err := tlog.ParseHash(claim.OldRoot)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, size, root, claim.OldSize, old); err != nil {
			return 0, err
		}
	}
	return size, nil
}

func main() {
	for _, folder := range os.Args[1:] {
		answer := map[string]interface{}{"ok": true}
		size, err := check(folder)
		if err != nil {
			answer = map[string]interface{}{"ok": false, "error": err.Error()}
		} else {
			answer["size"] = size
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}
