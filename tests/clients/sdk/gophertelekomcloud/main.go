// The DCS packages of gophertelekomcloud, unmodified, driven by lines of JSON: {"call": "v1_lifecycle_get", "with": ["…"]} on standard
// input, and for each a line with the answer as it came, and what the SDK's model makes of it. `with` has the arguments after the client.
//
// The login is what the environment says (OS_AUTH_URL, …).
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"

	golangsdk "github.com/opentelekomcloud/gophertelekomcloud"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/common/tags"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/backups"
	configsv1 "github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/configs"
	instancev1 "github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/instance"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/lifecycle"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/migration"
	othersv1 "github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v1/others"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/configs"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/instance"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/others"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/ssl"
	dcstags "github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/tags"
	"github.com/opentelekomcloud/gophertelekomcloud/openstack/dcs/v2/whitelists"
)

// function is one of the SDK. The member is that of the body which alone it hands on, if it does not hand on the whole.
type function struct {
	call   any
	member string
}

// functions has what is called. What the SDK has beyond it is told as a call, too, so that its absence here is noticed.
var functions = []function{
	{backups.BackupInstance, "backup_id"},
	{backups.DeleteBackupFile, ""},
	{backups.ListBackupRecords, ""},
	{backups.ListRestoreRecords, ""},
	{backups.RestoreInstance, "restore_id"},
	{configsv1.List, ""},
	{configsv1.Update, ""},
	{instancev1.ListDCSStatistics, "statistics"},
	{instancev1.ListDCSStatus, ""},
	{instancev1.RestartOrFlushInstances, "results"},
	{instancev1.UpdatePassword, ""},
	{lifecycle.BatchDelete, "results"},
	{lifecycle.Create, "instance_id"},
	{lifecycle.Delete, ""},
	{lifecycle.Extend, ""},
	{lifecycle.Get, ""},
	{lifecycle.List, ""},
	{lifecycle.Update, ""},
	{migration.CreateMigrationTask, ""},
	{othersv1.GetProducts, "products"},
	{othersv1.ListAvailableZones, ""},
	{othersv1.ListMaintenanceWindows, "maintain_windows"},
	{othersv1.ShowTenantQuota, "quotas"},
	{configs.Get, ""},
	{configs.Update, ""},
	{instance.Create, "instances"},
	{instance.Delete, ""},
	{instance.Get, ""},
	{instance.List, ""},
	{instance.Resize, ""},
	{instance.Restart, "results"},
	{instance.Update, ""},
	{instance.UpdatePassword, ""},
	{others.ListAvailableZones, ""},
	{others.ListFlavors, "flavors"},
	{ssl.DownloadCert, ""},
	{ssl.Get, ""},
	{ssl.Update, ""},
	{dcstags.Create, ""},
	{dcstags.Delete, ""},
	{whitelists.Get, ""},
	{whitelists.Put, ""},
}

// tagsCall is the call of instanceTags.
const tagsCall = "v1_instance_tags"

// instanceTags reads tags with the package that all services share, as its users do.
func instanceTags(client *golangsdk.ServiceClient, id string) ([]tags.ResourceTag, error) {
	return tags.Get(client, "instances", id).Extract()
}

// recorder keeps the last answer as it came.
type recorder struct {
	status int
	body   []byte
}

func (last *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	last.status = answer.StatusCode
	last.body, err = io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(last.body))
	return answer, err
}

type step struct {
	Call string            `json:"call"`
	With []json.RawMessage `json:"with"`
}

type answer struct {
	Status int             `json:"status"`
	Raw    string          `json:"raw"`
	Model  json.RawMessage `json:"model,omitempty"`
	Error  string          `json:"error,omitempty"`
}

var words = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// callOf returns the name of a call: …/dcs/v1/instance.ListDCSStatus is v1_instance_list_dcs_status.
func callOf(function string) string {
	_, function, _ = strings.Cut(function, "/dcs/")
	function = strings.NewReplacer("/", "_", ".", "_").Replace(function)
	return strings.ToLower(words.ReplaceAllString(function, "${1}${3}_${2}${4}"))
}

// versionOf returns the version of the API that a call is made to. The package v1/migration asks for what is on v2 alone.
func versionOf(call string) string {
	if strings.HasPrefix(call, "v1_migration_") {
		return "v2"
	}
	version, _, _ := strings.Cut(call, "_")
	return version
}

// argument makes an argument of a function. A member that the SDK has no name for in JSON has that of its field.
func argument(kind reflect.Type, given json.RawMessage) (reflect.Value, error) {
	made := reflect.New(kind)
	members := map[string]json.RawMessage{}
	if kind.Kind() == reflect.Struct {
		if err := json.Unmarshal(given, &members); err != nil {
			return made, err
		}
		for i := range kind.NumField() {
			field := kind.Field(i)
			if value, named := members[field.Name]; named && field.Tag.Get("json") == "-" {
				if err := json.Unmarshal(value, made.Elem().Field(i).Addr().Interface()); err != nil {
					return made, err
				}
				delete(members, field.Name)
			}
		}
		given, _ = json.Marshal(members)
	}
	decoder := json.NewDecoder(bytes.NewReader(given))
	decoder.DisallowUnknownFields()
	return made.Elem(), decoder.Decode(made.Interface())
}

func (last *recorder) carryOut(function function, client *golangsdk.ServiceClient, next step) answer {
	called := reflect.ValueOf(function.call)
	if called.Type().NumIn() != len(next.With)+1 {
		return answer{Error: fmt.Sprint("not the arguments of ", called.Type())}
	}
	arguments := []reflect.Value{reflect.ValueOf(client)}
	for i, given := range next.With {
		made, err := argument(called.Type().In(i+1), given)
		if err != nil {
			return answer{Error: fmt.Sprint("the SDK's request cannot be made: ", err)}
		}
		arguments = append(arguments, made)
	}
	*last = recorder{}
	returned := called.Call(arguments)
	done := answer{Status: last.status, Raw: string(last.body)}
	if err, failed := returned[len(returned)-1].Interface().(error); failed {
		done.Error = err.Error()
		return done
	}
	if len(returned) == 1 {
		return done
	}
	read := returned[0].Interface()
	if function.member != "" {
		read = map[string]any{function.member: read}
	}
	model, err := json.Marshal(read)
	if err != nil {
		done.Error = err.Error()
	}
	done.Model = model
	return done
}

// calls returns everything that the SDK can call: the functions of its packages for DCS, read from its source.
func calls() ([]string, error) {
	get := runtime.FuncForPC(reflect.ValueOf(lifecycle.Get).Pointer())
	file, _ := get.FileLine(get.Entry())
	top := filepath.Join(filepath.Dir(file), "..", "..")
	var names []string
	err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(top, filepath.Dir(path))
		for _, declared := range source.Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Recv == nil && function.Name.IsExported() {
				names = append(names, callOf("/dcs/"+filepath.ToSlash(inside)+"."+function.Name.Name))
			}
		}
		return err
	})
	return names, err
}

// clients returns the SDK's clients for both versions of the API, whose answers the recorder keeps.
func (last *recorder) clients() (map[string]*golangsdk.ServiceClient, error) {
	cloud, err := openstack.NewEnv("OS_").Cloud()
	if err != nil {
		return nil, err
	}
	provider, err := openstack.AuthenticatedClientFromCloud(cloud)
	if err != nil {
		return nil, err
	}
	provider.HTTPClient.Transport = last
	region := golangsdk.EndpointOpts{Region: cloud.RegionName}
	v1, err := openstack.NewDCSServiceV1(provider, region)
	if err != nil {
		return nil, err
	}
	v2, err := openstack.NewDCSServiceV2(provider, region)
	return map[string]*golangsdk.ServiceClient{"v1": v1, "v2": v2}, err
}

func run() error {
	last := &recorder{}
	clients, err := last.clients()
	if err != nil {
		return err
	}
	names, err := calls()
	if err != nil {
		return err
	}
	byName := map[string]function{tagsCall: {instanceTags, "tags"}}
	for _, function := range functions {
		byName[callOf(runtime.FuncForPC(reflect.ValueOf(function.call).Pointer()).Name())] = function
	}
	output := json.NewEncoder(os.Stdout)
	output.Encode(append(names, tagsCall))
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var next step
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			return err
		}
		if function, has := byName[next.Call]; has {
			output.Encode(last.carryOut(function, clients[versionOf(next.Call)], next))
		} else {
			output.Encode(answer{Error: "this driver has no " + next.Call})
		}
	}
	return lines.Err()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
