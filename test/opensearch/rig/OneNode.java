import java.util.Collections;
import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** One node of OpenSearch, as published, on a loopback address: OneNode DIRECTORY PORT. It ends with its standard input. */
public class OneNode extends Node {
  private OneNode(Settings settings) {
    super(
        InternalSettingsPreparer.prepareEnvironment(settings, Collections.emptyMap(), null, () -> "tests"),
        List.of(Netty4Plugin.class),
        false);
  }

  public static void main(String[] arguments) throws Exception {
    Settings settings =
        Settings.builder()
            .put("path.home", arguments[0])
            .put("http.port", arguments[1])
            .put("transport.port", "0")
            .put("network.host", "127.0.0.1")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("node.name", "tests")
            .put("cluster.name", "tests")
            .put("discovery.type", "single-node")
            .build();
    Node node = new OneNode(settings);
    node.start();
    while (System.in.read() >= 0) {}
    node.close();
    System.exit(0);
  }
}
