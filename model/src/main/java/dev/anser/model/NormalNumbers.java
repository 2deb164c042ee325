package dev.anser.model;

/// Independent numbers with a standard normal distribution, of which each pair depends on the key
/// and its place alone (Box and Muller 1958).
final class NormalNumbers {
    private NormalNumbers() {}

    /// Sets `into` to the numbers from `place` on, `deviation` times as spread. Pairs begin at
    /// `place`.
    static void fill(float[] into, long place, long key, double deviation) {
        for (int i = 0; i < into.length; i += 2) {
            long pair = place + i;
            double first = InitialWeight.uniform(key, 2 * pair); // in (0, 1)
            double radius = deviation * Math.sqrt(-2 * Math.log(first));
            double angle = 2 * Math.PI * InitialWeight.uniform(key, 2 * pair + 1);
            into[i] = (float) (radius * Math.cos(angle));
            if (i + 1 < into.length) {
                into[i + 1] = (float) (radius * Math.sin(angle));
            }
        }
    }
}
