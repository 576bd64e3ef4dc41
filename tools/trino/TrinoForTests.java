/** Starts the server: the program that Trino has for it is not on Maven for every version. */
class TrinoForTests
{
    public static void main(String[] args)
    {
        new io.trino.server.Server().start(args[0]);
    }
}
