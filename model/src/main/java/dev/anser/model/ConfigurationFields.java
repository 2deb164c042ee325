package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Takes what the shapes of a checkpoint cannot tell out of its configuration, each field checked.
public final class ConfigurationFields {
    private static final int LARGEST = 1 << 24;

    private final String source;
    private final Map<String, Object> fields;

    /// The fields of `checkpoint`'s configuration.
    public ConfigurationFields(Checkpoint checkpoint) {
        this(checkpoint.source(), checkpoint.configuration());
    }

    private ConfigurationFields(String source, Map<String, Object> fields) {
        this.source = source;
        this.fields = fields;
    }

    /// The fields of the object `name`; none when there is no such object.
    public ConfigurationFields object(String name) {
        Object value = fields.get(name);
        if (value == null) {
            return new ConfigurationFields(source, Map.of());
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw wrong(name, value, "an object");
        }
        Map<String, Object> inner = new LinkedHashMap<>();
        map.forEach((key, field) -> inner.put(String.valueOf(key), Objects.requireNonNull(field)));
        return new ConfigurationFields(source, inner);
    }

    /// Whether there is a field `name`.
    public boolean has(String name) {
        return fields.containsKey(name);
    }

    /// The count `name`, 1 or more, which must be there.
    public int count(String name) {
        Object value = fields.get(name);
        if (value == null) {
            throw new ModelFormatException(
                    source
                            + ": its configuration has no "
                            + name
                            + (fields.isEmpty() ? ", for there is none" : "")
                            + "; put the config.json of the model beside the file");
        }
        return count(name, value);
    }

    /// The count `name`, 1 or more, or `otherwise`.
    public int count(String name, int otherwise) {
        Object value = fields.get(name);
        return value == null ? otherwise : count(name, value);
    }

    private int count(String name, Object value) {
        double number = value instanceof Number n ? n.doubleValue() : Double.NaN;
        if (!(number >= 1 && number <= LARGEST) || number != Math.rint(number)) {
            throw wrong(name, value, "a whole number from 1 to " + LARGEST);
        }
        return (int) number;
    }

    /// The number `name`, above 0, or `otherwise`.
    public double number(String name, double otherwise) {
        Object value = fields.get(name);
        if (value == null) {
            return otherwise;
        }
        double number = value instanceof Number n ? n.doubleValue() : Double.NaN;
        if (!(number > 0) || Double.isInfinite(number)) {
            throw wrong(name, value, "a number above 0");
        }
        return number;
    }

    /// The fact `name`, or `otherwise`.
    public boolean fact(String name, boolean otherwise) {
        Object value = fields.get(name);
        if (value == null) {
            return otherwise;
        }
        if (!(value instanceof Boolean fact)) {
            throw wrong(name, value, "true or false");
        }
        return fact;
    }

    /// The text `name`, or `otherwise`.
    public String text(String name, String otherwise) {
        Object value = fields.get(name);
        if (value == null) {
            return otherwise;
        }
        if (!(value instanceof String text)) {
            throw wrong(name, value, "a text");
        }
        return text;
    }

    /// Refuses a field that changes what a model computes and that is not known here.
    ///
    /// @param absent what the field may say all the same: that nothing is changed; or null
    public void refuse(String name, @Nullable Object absent) {
        Object value = fields.get(name);
        if (value != null && !value.equals(absent)) {
            throw wrong(
                    name, value, absent == null ? "none: models with it cannot be run" : absent);
        }
    }

    /// Refuses a size that contradicts the tensors.
    ///
    /// @param tensor the tensor that `size` was read from
    public void requireSame(String name, long size, String tensor) {
        Object value = fields.get(name);
        if (value != null && count(name, value) != size) {
            throw wrong(name, value, size + ", as " + tensor + " has");
        }
    }

    /// An error about the field `name`.
    public ModelFormatException wrong(String name, Object value, Object expected) {
        return new ModelFormatException(
                source
                        + ": its configuration has "
                        + name
                        + " "
                        + value
                        + "; expected "
                        + expected);
    }
}
