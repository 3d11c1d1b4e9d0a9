import java.sql.*;
import java.lang.reflect.*;
import java.util.*;

/** Calls PostgreSQL's JDBC driver against the server whose port is the first argument; prints a line for each check. */
public class Jdbc {
    static void check(String name, Callable work) {
        try { System.out.println("ok " + name + " " + work.call()); }
        catch (Throwable error) {
            Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
            System.out.println("FAILED " + name + ": " + String.valueOf(cause.getMessage()).replace("\n", " "));
        }
    }
    interface Callable { Object call() throws Exception; }

    static int count(ResultSet rows) throws SQLException {
        int count = 0;
        while (rows.next()) { for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) rows.getObject(i); count++; }
        rows.close();
        return count;
    }

    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/aws?user=ada";
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            try (Connection c = DriverManager.getConnection(url + "&prepareThreshold=2&preferQueryMode=" + mode)) {
                check(mode + " rows", () -> {
                    int total = 0;
                    for (int i = 0; i < 5; i++) {
                        try (PreparedStatement s = c.prepareStatement(
                                "SELECT model_name, creation_time, 1 AS n, 1.5::DOUBLE AS d, 2.50 AS m, true AS b, tags FROM sagemaker.models WHERE model_name = ? AND region = ?")) {
                            s.setString(1, "churn-v1");
                            s.setString(2, "us-east-1");
                            ResultSet rows = s.executeQuery();
                            while (rows.next()) {
                                if (!rows.getString(1).equals("churn-v1") || rows.getInt(3) != 1 || rows.getDouble(4) != 1.5
                                        || !rows.getBigDecimal(5).toString().equals("2.50") || !rows.getBoolean(6)
                                        || rows.getTimestamp(2) == null) throw new Exception("wrong values");
                                total++;
                            }
                        }
                    }
                    if (total != 5) throw new Exception("rows: " + total);
                    return total;
                });
                check(mode + " parameters", () -> {
                    try (PreparedStatement s = c.prepareStatement("SELECT range FROM range(100) WHERE range >= ? AND range < ? ORDER BY 1 LIMIT ?")) {
                        s.setInt(1, 5); s.setLong(2, 50); s.setInt(3, 3);
                        int n = count(s.executeQuery());
                        if (n != 3) throw new Exception("rows: " + n);
                        return n;
                    }
                });
                check(mode + " fetchSize", () -> {
                    c.setAutoCommit(false);
                    try (Statement s = c.createStatement()) {
                        s.setFetchSize(100);
                        int n = count(s.executeQuery("SELECT range AS n, 'r' || range AS t FROM range(2500)"));
                        if (n != 2500) throw new Exception("rows: " + n);
                        return n;
                    } finally { c.commit(); c.setAutoCommit(true); }
                });
                check(mode + " batch", () -> {
                    try (Statement s = c.createStatement()) { s.execute("CREATE OR REPLACE TABLE memory.main.batch (n INTEGER, t VARCHAR)"); }
                    try (PreparedStatement s = c.prepareStatement("INSERT INTO memory.main.batch VALUES (?, ?)")) {
                        for (int i = 0; i < 3; i++) { s.setInt(1, i); s.setString(2, "t" + i); s.addBatch(); }
                        return Arrays.toString(s.executeBatch());
                    }
                });
                check(mode + " error", () -> {
                    try (Statement s = c.createStatement()) { s.executeQuery("SELECT nope"); throw new Exception("no error"); }
                    catch (SQLException error) {
                        if (!"42703".equals(error.getSQLState())) throw new Exception("state " + error.getSQLState());
                        return error.getSQLState();
                    }
                });
            }
        }
        try (Connection c = DriverManager.getConnection(url)) {
            DatabaseMetaData d = c.getMetaData();
            check("columns of models", () -> {
                Set<String> names = new TreeSet<>();
                ResultSet r = d.getColumns(null, "sagemaker", "models", null);
                while (r.next()) names.add(r.getString("COLUMN_NAME") + ":" + r.getString("TYPE_NAME"));
                if (!names.contains("model_name:text")) throw new Exception(names.toString());
                return names.size();
            });
            check("keys of models", () -> {
                List<String> names = new ArrayList<>();
                ResultSet r = d.getPrimaryKeys(null, "sagemaker", "models");
                while (r.next()) names.add(r.getString("COLUMN_NAME"));
                if (!names.contains("model_name")) throw new Exception(names.toString());
                return names;
            });
            check("tables of sagemaker", () -> {
                ResultSet r = d.getTables(null, "sagemaker", "%", new String[] {"TABLE"});
                int n = count(r); if (n < 90) throw new Exception("tables: " + n); return n;
            });
            int called = 0;
            for (Method m : DatabaseMetaData.class.getMethods()) {
                Object[] values = new Object[m.getParameterCount()];
                Class<?>[] types = m.getParameterTypes();
                for (int i = 0; i < values.length; i++) {
                    String p = types[i].getName();
                    values[i] = p.equals("int") ? 1 : p.equals("boolean") ? false : p.equals("java.lang.String") ? (i == 1 ? "sagemaker" : i == 2 ? "models" : null) : null;
                }
                if (m.getDeclaringClass() == Wrapper.class) continue;
                final Object[] given = values;
                called++;
                check("DatabaseMetaData." + m.getName(), () -> {
                    Object result = m.invoke(d, given);
                    return result instanceof ResultSet ? "rows " + count((ResultSet) result) : "value";
                });
            }
            System.out.println("called " + called);
        }
    }
}
