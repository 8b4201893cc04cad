// The DCS client of huaweicloud-sdk-go-v3, unmodified, driven by lines of JSON: {"call": "list_instances", "with": {…}} on standard
// input, and for each a line with the answer as it came, and what the SDK's model makes of it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	dcs "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/dcs/v2"
)

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
	Call string          `json:"call"`
	With json.RawMessage `json:"with"`
}

type answer struct {
	Status int             `json:"status"`
	Raw    string          `json:"raw"`
	Model  json.RawMessage `json:"model,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// methodOf returns the SDK's name of a call: list_instances is ListInstances.
func methodOf(call string) string {
	words := strings.Split(call, "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

func (last *recorder) carryOut(client reflect.Value, next step) answer {
	method := client.MethodByName(methodOf(next.Call))
	if !method.IsValid() {
		return answer{Error: "the SDK has no " + next.Call}
	}
	request := reflect.New(method.Type().In(0).Elem())
	if len(next.With) > 0 {
		if err := json.Unmarshal(next.With, request.Interface()); err != nil {
			return answer{Error: fmt.Sprint("the SDK's request cannot be made: ", err)}
		}
	}
	*last = recorder{}
	returned := method.Call([]reflect.Value{request})
	done := answer{Status: last.status, Raw: string(last.body)}
	if err, failed := returned[1].Interface().(error); failed {
		done.Error = err.Error()
		return done
	}
	model, err := json.Marshal(returned[0].Interface())
	if err != nil {
		done.Error = err.Error()
	}
	done.Model = model
	return done
}

// calls returns everything that the SDK can call.
func calls(client reflect.Type) []string {
	var names []string
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; !strings.HasSuffix(name, "Invoker") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func main() {
	url, project := os.Args[1], os.Args[2]
	last := &recorder{}
	keys := basic.NewCredentialsBuilder().WithAk(os.Getenv("HUAWEICLOUD_SDK_AK")).
		WithSk(os.Getenv("HUAWEICLOUD_SDK_SK")).WithProjectId(project).Build()
	client := dcs.NewDcsClient(dcs.DcsClientBuilder().WithEndpoint(url).WithCredential(keys).
		WithHttpConfig(config.DefaultHttpConfig().WithHttpRoundTripper(last)).Build())
	output := json.NewEncoder(os.Stdout)
	output.Encode(calls(reflect.TypeOf(client)))
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var next step
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		output.Encode(last.carryOut(reflect.ValueOf(client), next))
	}
}
