import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.huaweicloud.sdk.core.HttpListener;
import com.huaweicloud.sdk.core.auth.BasicCredentials;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import com.huaweicloud.sdk.core.http.HttpConfig;
import com.huaweicloud.sdk.core.utils.JsonUtils;
import com.huaweicloud.sdk.dcs.v2.DcsClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The DCS client of huaweicloud-sdk-java-v3, unmodified, driven by lines of JSON: {"call": "list_instances", "with": {…}} on standard
 * input, and for each a line with the answer as it came, and what the SDK's model makes of it.
 */
public final class Driver {
    private static final ObjectMapper JSON =
        new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, true);

    private int status;
    private String raw;
    private final DcsClient client;

    private Driver(String url, String project) {
        HttpConfig config = HttpConfig.getDefaultHttpConfig().addHttpListener(HttpListener.forResponseListener(answer -> {
            status = answer.statusCode();
            raw = answer.body().orElse("");
        }));
        BasicCredentials keys = new BasicCredentials()
            .withAk(System.getenv("HUAWEICLOUD_SDK_AK"))
            .withSk(System.getenv("HUAWEICLOUD_SDK_SK"))
            .withProjectId(project);
        client = DcsClient.newBuilder().withCredential(keys).withEndpoint(url).withHttpConfig(config).build();
    }

    /** Returns the SDK's name of a call: list_instances is listInstances. */
    private static String methodOf(String call) {
        StringBuilder name = new StringBuilder();
        for (String word : call.split("_")) {
            name.append(name.length() == 0 ? word : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }

    private static Method find(String name) {
        return Arrays.stream(DcsClient.class.getMethods())
            .filter(method -> method.getName().equals(name) && method.getParameterCount() == 1)
            .findFirst()
            .orElse(null);
    }

    private ObjectNode carryOut(JsonNode step) throws Exception {
        ObjectNode done = JSON.createObjectNode();
        Method method = find(methodOf(step.get("call").asText()));
        if (method == null) {
            return done.put("error", "the SDK has no " + step.get("call"));
        }
        String with = step.has("with") ? step.get("with").toString() : "{}";
        Object request = JSON.readValue(with, method.getParameterTypes()[0]);
        status = 0;
        raw = "";
        try {
            Object model = method.invoke(client, request);
            done.set("model", JSON.readTree(JsonUtils.toJSON(model)));
        } catch (InvocationTargetException thrown) {
            Throwable cause = thrown.getCause();
            if (cause instanceof ServiceResponseException) {
                status = ((ServiceResponseException) cause).getHttpStatusCode();
            }
            done.put("error", String.valueOf(cause));
        }
        return done.put("status", status).put("raw", raw);
    }

    public static void main(String[] arguments) throws Exception {
        Driver driver = new Driver(arguments[0], arguments[1]);
        PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        output.println(JSON.writeValueAsString(Arrays.stream(DcsClient.class.getDeclaredMethods())
            .filter(method -> method.getParameterCount() == 1 && method.getReturnType().getSimpleName().endsWith("Response"))
            .map(Method::getName)
            .sorted()
            .toArray()));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            output.println(JSON.writeValueAsString(driver.carryOut(JSON.readTree(line))));
        }
    }
}
