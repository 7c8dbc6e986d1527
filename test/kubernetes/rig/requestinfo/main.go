// Command requestinfo says what the API server makes of requests: it reads lines of {"method","url"}, has Go's own HTTP
// server code parse the request line, gives it to the API server's RequestInfoFactory as the API server sets it up, and
// writes lines of {"method","url","info"}, or {"method","url","error"} where the API server would answer an error.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

type info struct {
	IsResourceRequest bool     `json:"isResourceRequest"`
	Path              string   `json:"path"`
	Verb              string   `json:"verb"`
	APIPrefix         string   `json:"apiPrefix"`
	APIGroup          string   `json:"apiGroup"`
	APIVersion        string   `json:"apiVersion"`
	Namespace         string   `json:"namespace"`
	Resource          string   `json:"resource"`
	Subresource       string   `json:"subresource"`
	Name              string   `json:"name"`
	Parts             []string `json:"parts"`
	FieldSelector     string   `json:"fieldSelector"`
	LabelSelector     string   `json:"labelSelector"`
}

type asked struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Info   *info  `json:"info,omitempty"`
	// Refused by the HTTP server before anything looks at the path (answer 400).
	Malformed string `json:"malformed,omitempty"`
	// Refused for want of a RequestInfo (answer 500).
	Error string `json:"error,omitempty"`
}

func main() {
	factory := &request.RequestInfoFactory{
		APIPrefixes:          sets.NewString("api", "apis"),
		GrouplessAPIPrefixes: sets.NewString("api"),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var one asked
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer(factory, &one)
		if err := out.Encode(one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answer(factory *request.RequestInfoFactory, one *asked) {
	wire := one.Method + " " + one.URL + " HTTP/1.1\r\nHost: kubernetes\r\n\r\n"
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		one.Malformed = err.Error()
		return
	}
	made, err := factory.NewRequestInfo(req)
	if err != nil {
		one.Error = err.Error()
		return
	}
	parts := made.Parts
	if parts == nil {
		parts = []string{}
	}
	one.Info = &info{
		made.IsResourceRequest, made.Path, made.Verb, made.APIPrefix, made.APIGroup, made.APIVersion, made.Namespace,
		made.Resource, made.Subresource, made.Name, parts, made.FieldSelector, made.LabelSelector,
	}
}
