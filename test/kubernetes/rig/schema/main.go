// Command schema writes how the kinds of Kubernetes are encoded in protobuf, and what their fields are called in JSON, as
// the Go types themselves say. `capture.ts` makes src/language/kubernetes/protobuf-table.ts of it.
//
// A line is a message: its name, a blank, and its fields, each NAME:NUMBER:TYPE, separated by blanks. A field without a name
// stands for the fields of its type. Types are
//
//	s text  b truth  i integer  f float  y bytes  t time  u time with microseconds  d duration  q quantity
//	o integer or text  r JSON  l list of texts  another name: that message
//
// behind `*` where there may be several, `%` where it is what texts map to, `?` where nothing and zero are different.
package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
)

// What people send. Of what is no more, only what kubectl 1.20 still sends.
var versions = regexp.MustCompile(`^(?:v\d+|(?:policy|batch|networking\.k8s\.io|rbac\.authorization\.k8s\.io)/v1beta1|[a-z0-9.]+/v\d+)$`)

// What is not sent, or is read by hand.
var left = regexp.MustCompile(`(?:Options|List|^WatchEvent|^Status|^APIVersions|^APIGroup)$`)

var special = map[string]string{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":       "t",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":  "u",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":   "d",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":   "q",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString": "o",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":    "r",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":   "r",
}

type table struct {
	names map[reflect.Type]string
	taken map[string]bool
	lines map[string]string
}

func full(kind reflect.Type) string { return kind.PkgPath() + "." + kind.Name() }

func (t *table) message(kind reflect.Type) string {
	if name, ok := t.names[kind]; ok {
		return name
	}
	name := kind.Name()
	for count := 2; t.taken[name]; count++ {
		name = fmt.Sprintf("%s%d", kind.Name(), count)
	}
	t.taken[name] = true
	t.names[kind] = name
	var fields []string
	for index := 0; index < kind.NumField(); index++ {
		field := kind.Field(index)
		tag, ok := field.Tag.Lookup("protobuf")
		if !ok {
			if field.Type.Name() != "TypeMeta" {
				panic(full(kind) + "." + field.Name + " has no place in protobuf")
			}
			continue
		}
		number := strings.Split(tag, ",")[1]
		json := strings.Split(field.Tag.Get("json"), ",")[0]
		fields = append(fields, json+":"+number+":"+t.typeOf(field.Type, full(kind)+"."+field.Name))
	}
	t.lines[name] = strings.Join(fields, " ")
	return name
}

func (t *table) typeOf(kind reflect.Type, where string) string {
	if code, ok := special[full(kind)]; ok {
		return code
	}
	switch kind.Kind() {
	case reflect.Pointer:
		return "?" + t.typeOf(kind.Elem(), where)
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Int, reflect.Uint8:
		return "i"
	case reflect.Float64:
		return "f"
	case reflect.Struct:
		return t.message(kind)
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		// A list that is a type of its own is a message of one field.
		if kind.Name() != "" && kind.Elem().Kind() == reflect.String && kind.Name() != "FinalizerName" {
			return "l"
		}
		return "*" + t.typeOf(kind.Elem(), where)
	case reflect.Map:
		return "%" + t.typeOf(kind.Elem(), where)
	}
	panic(where + " is of a kind that is not read: " + kind.String())
}

func main() {
	t := &table{names: map[reflect.Type]string{}, taken: map[string]bool{}, lines: map[string]string{}}
	var roots []string
	all := scheme.Scheme.AllKnownTypes()
	sorted := make([]string, 0, len(all))
	kinds := map[string]reflect.Type{}
	for kind, goType := range all {
		version := kind.GroupVersion().String()
		if !versions.MatchString(version) || left.MatchString(kind.Kind) || strings.Contains(version, "extensions/") {
			continue
		}
		name := version + " " + kind.Kind
		kinds[name] = goType
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	for _, name := range sorted {
		roots = append(roots, name+" "+t.message(kinds[name]))
	}
	names := make([]string, 0, len(t.lines))
	for name := range t.lines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, root := range roots {
		fmt.Fprintln(os.Stdout, "= "+root)
	}
	for _, name := range names {
		fmt.Fprintln(os.Stdout, name+" "+t.lines[name])
	}
}
