// From a key to checked evidence, with .NET 10 and nothing to install.
//     dotnet run FirstEvidence.cs ADDRESS KEY
// It checks that the record stands in the tree of the checkpoint (RFC 6962). .NET has no Ed25519: the signatures are
// checked by the verifiers of the portal, which read the same file.

using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

var address = args[0].TrimEnd('/');
using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", args[1]);

using var list = JsonDocument.Parse(await http.GetStringAsync($"{address}/api/v1/inspections?limit=1"));
var inspection = list.RootElement.GetProperty("inspections")[0];
var index = inspection.GetProperty("record_index").GetInt64();
Console.WriteLine($"Newest inspection: {index} {inspection.GetProperty("verdict").GetString()}");

var bytes = await http.GetByteArrayAsync($"{address}/api/v1/records/{index}/evidence");
await File.WriteAllBytesAsync("evidence.json", bytes);
using var evidence = JsonDocument.Parse(bytes);
var record = evidence.RootElement.GetProperty("record");
var checkpoint = evidence.RootElement.GetProperty("checkpoint").GetString()!.Split('\n');

byte[] Hash(params byte[][] parts) => SHA256.HashData(parts.SelectMany(part => part).ToArray());

var hash = Hash([0], Encoding.ASCII.GetBytes(record.GetProperty("jws").GetString()!));
var (node, last) = (index, long.Parse(checkpoint[1]) - 1);
foreach (var step in record.GetProperty("proof").EnumerateArray())
{
    var sibling = Convert.FromBase64String(step.GetString()!);
    if (last == 0) throw new InvalidDataException("the proof is too long");
    if (node % 2 == 1 || node == last)
    {
        hash = Hash([1], sibling, hash);
        while (node % 2 == 0 && node > 0) (node, last) = (node / 2, last / 2);
    }
    else hash = Hash([1], hash, sibling);
    (node, last) = (node / 2, last / 2);
}
if (last != 0 || !hash.SequenceEqual(Convert.FromBase64String(checkpoint[2])))
    throw new InvalidDataException("the record is not in this log");
Console.WriteLine($"CHECKED: record {index} stands in {checkpoint[0]}, size {checkpoint[1]}.");
