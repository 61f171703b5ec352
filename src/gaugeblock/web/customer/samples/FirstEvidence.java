// From a key to checked evidence, with Java 17 or newer and nothing to install.
//     java FirstEvidence.java ADDRESS KEY [LOG-KEY]
// LOG-KEY is the public key of the log as your contract names it; without it the plant is asked.
// It checks that the log signed its checkpoint (Ed25519) and that the record stands in it (RFC 6962). The author's
// signature and the key chain are checked by the verifiers of the portal, which read the same file.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class FirstEvidence {
    static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    static String get(String address, String key) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address))
            .header("Authorization", "Bearer " + key).timeout(Duration.ofSeconds(30)).build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        return answer.body();
    }

    /** The first text or number that a JSON document gives under a name. */
    static String member(String json, String name) {
        Matcher match = Pattern.compile("\"" + name + "\"\\s*:\\s*(\"((?:[^\"\\\\]|\\\\.)*)\"|-?[0-9]+)").matcher(json);
        if (!match.find()) throw new IllegalStateException("no " + name);
        if (match.group(2) == null) return match.group(1);
        Matcher code = Pattern.compile("\\\\u([0-9a-fA-F]{4})").matcher(match.group(2).replace("\\n", "\n"));
        return code.replaceAll(found -> Character.toString((char) Integer.parseInt(found.group(1), 16)));
    }

    static byte[] sha256(byte[]... parts) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (byte[] part : parts) digest.update(part);
        return digest.digest();
    }

    static PublicKey ed25519(byte[] raw) throws Exception {
        byte[] prefix = HexFormat.of().parseHex("302a300506032b6570032100");
        byte[] encoded = ByteBuffer.allocate(prefix.length + raw.length).put(prefix).put(raw).array();
        return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
    }

    /** The text of the checkpoint, once the log's signature on it holds. */
    static String[] openCheckpoint(String note, String logKey) throws Exception {
        String name = logKey.substring(0, logKey.indexOf('+'));
        String hash = logKey.substring(name.length() + 1, name.length() + 9);
        byte[] key = Base64.getDecoder().decode(logKey.substring(name.length() + 10));
        String text = note.substring(0, note.lastIndexOf("\n\n") + 1);
        for (String line : note.substring(text.length() + 1).split("\n")) {
            String[] parts = line.split(" ");
            byte[] signed = Base64.getDecoder().decode(parts[2]);
            boolean ours = parts[1].equals(name) && HexFormat.of().formatHex(signed, 0, 4).equals(hash);
            if (!ours) continue;
            Signature check = Signature.getInstance("Ed25519");
            check.initVerify(ed25519(Arrays.copyOfRange(key, 1, 33)));
            check.update(text.getBytes(StandardCharsets.UTF_8));
            if (check.verify(Arrays.copyOfRange(signed, 4, signed.length))) return text.split("\n");
        }
        throw new IllegalStateException("the log did not sign this checkpoint");
    }

    static byte[] rootOf(byte[] leaf, long index, long size, List<byte[]> proof) throws Exception {
        byte[] hash = leaf;
        long node = index, last = size - 1;
        for (byte[] sibling : proof) {
            if (last == 0) throw new IllegalStateException("the proof is too long");
            if (node % 2 == 1 || node == last) {
                hash = sha256(new byte[] {1}, sibling, hash);
                while (node % 2 == 0 && node > 0) { node /= 2; last /= 2; }
            } else hash = sha256(new byte[] {1}, hash, sibling);
            node /= 2;
            last /= 2;
        }
        if (last != 0) throw new IllegalStateException("the proof is too short");
        return hash;
    }

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0], key = arguments[1];
        String logKey = arguments.length > 2 ? arguments[2] : member(get(address + "/api/v1/me", key), "log_key");
        String inspection = get(address + "/api/v1/inspections?limit=1", key);
        String index = member(inspection, "record_index");
        System.out.println("Newest inspection: " + index + " " + member(inspection, "verdict"));

        String evidence = get(address + "/api/v1/records/" + index + "/evidence", key);
        Files.writeString(Path.of("evidence.json"), evidence);
        String[] checkpoint = openCheckpoint(member(evidence, "checkpoint"), logKey);
        // The record is the first object of the file that has a proof.
        String record = evidence.substring(evidence.indexOf("\"record\""), evidence.indexOf("\"key_chain\""));
        byte[] leaf = sha256(new byte[] {0}, member(record, "jws").getBytes(StandardCharsets.US_ASCII));
        List<byte[]> proof = new ArrayList<>();
        Matcher step = Pattern.compile("\"([A-Za-z0-9+/]{43}=)\"").matcher(record.substring(record.indexOf("\"proof\"")));
        while (step.find()) proof.add(Base64.getDecoder().decode(step.group(1)));
        byte[] root = rootOf(leaf, Long.parseLong(index), Long.parseLong(checkpoint[1]), proof);
        if (!Arrays.equals(root, Base64.getDecoder().decode(checkpoint[2]))) {
            throw new IllegalStateException("the record is not in this log");
        }
        System.out.println("CHECKED: record " + index + " stands in " + checkpoint[0] + ", size " + checkpoint[1] + ".");
    }
}
