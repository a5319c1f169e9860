import jakarta.servlet.FilterChain;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.Logger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.buf.UDecoder;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/**
 * A Tomcat whose servlets are mapped as an Atlassian application's are, and tell which of them a request
 * has reached. Prints its port, and ends when its standard input does. The arguments are a directory, and
 * which of the mappings.
 */
public class PathProbe {
    /** Names and mappings; a name says in the test what the servlet needs. */
    private static final String[][] DIRECTORIES = {
        {"status", "/status"},
        {"public", "/public/*"},
        {"statics", "/s/*"},
        {"download", "/download/*"},
        {"oauth", "/plugins/servlet/oauth/*"},
        {"rest", "/rest/*"},
        {"admin", "/admin/*"},
        {"secure-admin", "/secure/admin/*"},
        {"secure", "/secure/*"},
        {"closed", "/closed/*"},
        {"jspa", "*.jspa"},
        {"action", "*.action"},
        {"default", "/"},
    };

    /** Pages only, by their endings: no directory takes any of them away. */
    private static final String[][] PAGES = {
        {"jspa", "*.jspa"},
        {"action", "*.action"},
        {"do", "*.do"},
        {"default", "/"},
    };

    public static void main(String[] arguments) throws Exception {
        LogManager.getLogManager().reset();
        Logger.getLogger("").setLevel(Level.OFF);
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[0]);
        tomcat.setConnector(connector());
        for (String path : new String[] {"", "/jira"}) {
            addApplication(tomcat, path, arguments[1].equals("pages") ? PAGES : DIRECTORIES);
        }
        tomcat.start();
        System.out.println(tomcat.getConnector().getLocalPort());
        while (System.in.read() >= 0) {
            // Until whoever started it is gone.
        }
        System.exit(0);
    }

    /** As Jira ships it. */
    private static Connector connector() {
        Connector connector = new Connector();
        connector.setPort(0);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("relaxedPathChars", "[]|");
        connector.setProperty("relaxedQueryChars", "[]|{}^\\`\"<>");
        connector.setProperty("maxKeepAliveRequests", "-1");
        connector.setProperty("minSpareThreads", "2");
        return connector;
    }

    private static void addApplication(Tomcat tomcat, String path, String[][] servlets) throws IOException {
        String base = Files.createTempDirectory(tomcat.getServer().getCatalinaBase().toPath(), "app").toString();
        Context context = tomcat.addContext(path, base);
        for (String[] servlet : servlets) {
            Tomcat.addServlet(context, servlet[0], new Teller());
            context.addServletMappingDecoded(servlet[1], servlet[0]);
        }
        FilterDef filter = new FilterDef();
        filter.setFilterName("statics");
        filter.setFilter(new Statics());
        context.addFilterDef(filter);
        FilterMap everywhere = new FilterMap();
        everywhere.setFilterName("statics");
        everywhere.addURLPattern("/*");
        context.addFilterMap(everywhere);
    }

    /** Tells who it is, and how the path looks from there. */
    private static class Teller extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) {
            String info = request.getPathInfo();
            String path = request.getServletPath() + (info == null ? "" : info);
            boolean forwarded = request.getAttribute(RequestDispatcher.FORWARD_REQUEST_URI) != null;
            Object uri = forwarded ? request.getAttribute(RequestDispatcher.FORWARD_REQUEST_URI) : request.getRequestURI();
            Object query = forwarded ? request.getAttribute(RequestDispatcher.FORWARD_QUERY_STRING) : request.getQueryString();
            response.setHeader("X-App", getServletContext().getContextPath());
            response.setHeader("X-Servlet", getServletName());
            response.setHeader("X-Path", URLEncoder.encode(path, StandardCharsets.UTF_8));
            response.setHeader("X-Target", query == null ? uri.toString() : uri + "?" + query);
            response.setContentLength(0);
        }
    }

    /**
     * Forwards static resources as Atlassian's applications do with the UrlRewriteFilter: its rules look at
     * the address as it was sent, decoded once, and do not tell upper from lower case.
     */
    private static class Statics extends HttpFilter {
        private static final Pattern FROM = Pattern.compile("^/s/(.*)/_/(.*)", Pattern.CASE_INSENSITIVE);

        @Override
        protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
                throws IOException, ServletException {
            String address = decode(request.getRequestURI());
            String context = decode(request.getContextPath());
            if (address.toLowerCase().startsWith(context.toLowerCase())) {
                address = address.substring(context.length());
            }
            Matcher matcher = FROM.matcher(address);
            if (!matcher.find()) {
                chain.doFilter(request, response);
                return;
            }
            RequestDispatcher inner = request.getRequestDispatcher("/" + matcher.group(2));
            if (inner == null) {
                response.sendError(HttpServletResponse.SC_NOT_FOUND);
            } else {
                inner.forward(request, response);
            }
        }

        private static String decode(String text) {
            return UDecoder.URLDecode(text, StandardCharsets.UTF_8);
        }
    }
}
