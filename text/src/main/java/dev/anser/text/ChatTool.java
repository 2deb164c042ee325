package dev.anser.text;

import java.util.List;

/// A function that the model may call.
///
/// @param name its name
/// @param description what it does, in a few words; may be empty
/// @param parameters what it takes, in order
public record ChatTool(String name, String description, List<Parameter> parameters) {
    /// Copies the list.
    public ChatTool {
        parameters = List.copyOf(parameters);
    }

    /// A function of these parameters.
    public static ChatTool of(String name, String description, Parameter... parameters) {
        return new ChatTool(name, description, List.of(parameters));
    }

    /// One parameter.
    ///
    /// @param name its name
    /// @param type what values it takes
    /// @param optional whether it may be left out; only [Listing#COMPACT] shows it
    public record Parameter(String name, Type type, boolean optional) {
        /// A parameter that must be given.
        public static Parameter required(String name, Type type) {
            return new Parameter(name, type, false);
        }

        /// A parameter that may be left out.
        public static Parameter optional(String name, Type type) {
            return new Parameter(name, type, true);
        }
    }

    /// What values a parameter takes.
    public sealed interface Type {
        /// A JSON type by its name, such as `string`, `integer`, `number` or `boolean`.
        record Simple(String name) implements Type {}

        /// One of these strings.
        record OneOf(List<String> values) implements Type {
            /// Copies the list.
            public OneOf {
                values = List.copyOf(values);
            }
        }

        /// A list of values of one type.
        record ListOf(Type item) implements Type {}

        /// Any string.
        Type STRING = new Simple("string");

        /// A whole number.
        Type INTEGER = new Simple("integer");

        /// A number.
        Type NUMBER = new Simple("number");

        /// True or false.
        Type BOOLEAN = new Simple("boolean");
    }

    /// How tools are written in the system message.
    public enum Listing {
        /// One signature a line, without descriptions: `- get_weather(location: string)`.
        COMPACT,
        /// A JSON list of `{"name":…,"description":…,"arguments":{…}}`.
        JSON
    }

    /// The text of a system message that offers `tools`.
    public static String systemText(List<ChatTool> tools, Listing listing) {
        StringBuilder text = new StringBuilder("Tools:\n");
        switch (listing) {
            case COMPACT -> tools.forEach(tool -> tool.appendSignature(text));
            case JSON -> {
                text.append("[\n");
                for (int i = 0; i < tools.size(); i++) {
                    tools.get(i).appendJson(text);
                    text.append(i < tools.size() - 1 ? ",\n" : "\n");
                }
                text.append("]\n");
            }
        }
        return text.append("Return only a JSON function call.").toString();
    }

    private void appendSignature(StringBuilder text) {
        text.append("- ").append(name).append('(');
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            text.append(i == 0 ? "" : ", ").append(parameter.name());
            text.append(parameter.optional() ? "?: " : ": ");
            appendSignature(text, parameter.type());
        }
        text.append(")\n");
    }

    private static void appendSignature(StringBuilder text, Type type) {
        switch (type) {
            case Type.Simple simple -> text.append(simple.name());
            case Type.OneOf oneOf -> appendQuoted(text, oneOf.values(), " | ");
            case Type.ListOf list -> {
                boolean union = list.item() instanceof Type.OneOf;
                text.append(union ? "(" : "");
                appendSignature(text, list.item());
                text.append(union ? ")[]" : "[]");
            }
        }
    }

    private void appendJson(StringBuilder text) {
        text.append("{\"name\":");
        appendQuoted(text, name);
        text.append(",\"description\":");
        appendQuoted(text, description);
        text.append(",\"arguments\":{");
        for (int i = 0; i < parameters.size(); i++) {
            text.append(i == 0 ? "" : ",");
            appendQuoted(text, parameters.get(i).name());
            text.append(':');
            appendJson(text, parameters.get(i).type());
        }
        text.append("}}");
    }

    private static void appendJson(StringBuilder text, Type type) {
        switch (type) {
            case Type.Simple simple -> {
                text.append("{\"type\":");
                appendQuoted(text, simple.name());
            }
            case Type.OneOf oneOf -> {
                text.append("{\"type\":\"string\",\"enum\":[");
                appendQuoted(text, oneOf.values(), ",");
                text.append(']');
            }
            case Type.ListOf list -> {
                text.append("{\"type\":\"array\",\"items\":");
                appendJson(text, list.item());
            }
        }
        text.append('}');
    }

    private static void appendQuoted(StringBuilder text, List<String> values, String between) {
        for (int i = 0; i < values.size(); i++) {
            text.append(i == 0 ? "" : between);
            appendQuoted(text, values.get(i));
        }
    }

    private static void appendQuoted(StringBuilder text, String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (c < 0x20) {
                        text.append(String.format("\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
